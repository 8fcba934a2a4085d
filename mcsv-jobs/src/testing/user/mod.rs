//! What a user's own tests work with.

mod bench;
mod drain;
mod perform;

pub use bench::TestQueue;
pub use drain::Drained;
pub use perform::{Perform, Performed};
