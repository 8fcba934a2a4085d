//! The program: demo, up, one service, client of a running stack
fn main() {}
