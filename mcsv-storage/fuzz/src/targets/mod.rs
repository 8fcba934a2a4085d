//! One module for each text that a stranger may choose. `run` must end, must not panic, and checks
//! what has to hold of any input.

pub mod key;
pub mod signed;
pub mod token;
pub mod url;

mod world;
