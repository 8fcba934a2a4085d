//! Developer commands: test, ci
fn main() {}
