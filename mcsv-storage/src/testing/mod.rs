//! The conformance suite: what any store must do, to be run by whoever brings one.
//!
//! ```
//! use mcsv_storage::{Store, testing};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), testing::Failure> {
//! let passed = testing::conformance(|| Store::from_url("memory:")).await?;
//! assert!(passed >= 20);
//! # Ok(())
//! # }
//! ```

mod case;
mod list_cases;
mod put_cases;
mod read_cases;
mod signed_cases;

pub use case::Failure;

use case::Case;

use crate::{Result, Store};

/// Runs every case on a store of its own from `fresh`, and answers how many there were.
///
/// A store need not be empty if it keeps its stores apart, say by a prefix of each.
///
/// # Errors
///
/// The first case that fails, by its name.
pub async fn conformance(fresh: impl Fn() -> Result<Store>) -> Result<usize, Failure> {
    let groups: [Vec<Case>; 4] =
        [put_cases::cases(), read_cases::cases(), list_cases::cases(), signed_cases::cases()];
    let mut passed = 0;
    for case in groups.into_iter().flatten() {
        case.run(fresh()).await?;
        passed += 1;
    }
    Ok(passed)
}
