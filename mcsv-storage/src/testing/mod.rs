//! The conformance suite: what any store must do, to be run by whoever brings one.
//!
//! ```
//! use mcsv_storage::{Store, testing};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), testing::Failure> {
//! let passed = testing::conformance(|| Store::from_url("memory:")).await?;
//! assert!(passed >= 45);
//! # Ok(())
//! # }
//! ```

mod case;
mod copy_cases;
#[cfg(feature = "s3")]
mod direct_cases;
mod link_cases;
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
    conformance_without(fresh, &[]).await
}

/// Runs every case but those of `gaps`, where a store is known to fall short.
///
/// # Errors
///
/// The first case that fails, by its name; also a gap that is the name of no case.
pub async fn conformance_without(
    fresh: impl Fn() -> Result<Store>,
    gaps: &[&str],
) -> Result<usize, Failure> {
    let mut cases = all_cases();
    #[cfg(feature = "s3")]
    if fresh().is_ok_and(|store| store.bucket().is_some()) {
        cases.extend(direct_cases::cases());
    }
    if let Some(unknown) = gaps.iter().find(|gap| cases.iter().all(|case| case.name() != **gap)) {
        return Err(Failure::unknown(unknown));
    }
    cases.retain(|case| !gaps.contains(&case.name()));
    let passed = cases.len();
    for case in cases {
        case.run(fresh()).await?;
    }
    Ok(passed)
}

fn all_cases() -> Vec<Case> {
    let groups = [
        put_cases::cases(),
        read_cases::cases(),
        list_cases::cases(),
        copy_cases::cases(),
        signed_cases::cases(),
        link_cases::cases(),
    ];
    groups.into_iter().flatten().collect()
}
