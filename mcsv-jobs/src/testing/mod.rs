//! A queue for your own tests, and the promises of the queue as a suite.
//!
//! [`TestQueue`] is the engine on a database of one test, with a clock that you move; [`Perform`] is
//! one attempt of one handler.
//!
//! The crate's own tests are [`conformance!`](crate::conformance) for SQLite and for PostgreSQL. Run
//! it yourself against the server that you use, with its settings and what stands in front of it.

#![allow(clippy::unwrap_used, reason = "a helper that fails fails its case")]

mod cases;
mod database;
mod kit;
#[cfg(feature = "postgres")]
mod server;
mod user;

pub use database::Database;
#[cfg(feature = "postgres")]
pub use server::PostgresServer;
pub use user::{Drained, Perform, Performed, TestQueue};

use crate::{BoxError, Jobs};
use kit::Queue;

/// One promise of the queue.
pub struct Case {
    name: &'static str,
    check: cases::Check,
}

/// All promises, in the order in which to read them.
#[must_use]
pub fn conformance() -> &'static [Case] {
    cases::CASES
}

impl Case {
    /// The promise, in words.
    #[must_use]
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// Whether the queue at `url` keeps the promise, and every row is what its events make it
    /// afterwards. The database must be empty.
    ///
    /// ```
    /// # use mcsv_jobs::{BoxError, testing};
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), BoxError> {
    /// for case in testing::conformance().iter().take(1) {
    ///     case.check("sqlite::memory:").await?;
    /// }
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    ///
    /// The database does not answer as it should.
    ///
    /// # Panics
    ///
    /// The queue does not keep the promise.
    pub async fn check(&self, url: &str) -> Result<(), BoxError> {
        (self.check)(Queue::open(url).await?).await?;
        let report = Jobs::connect(url).await?.verify().await?;
        assert!(report.is_sound(), "{report}");
        Ok(())
    }
}

impl std::fmt::Debug for Case {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Case").field("name", &self.name).finish_non_exhaustive()
    }
}

/// Makes one `#[tokio::test]` of every promise.
///
/// `$fresh` is an async function without arguments that makes an empty [`Database`](crate::testing::Database):
/// `async fn() -> Result<Option<Database>, BoxError>`. None means that there is nothing to test
/// with here, and the test passes.
#[macro_export]
macro_rules! conformance {
    ($fresh:ident) => {
        $crate::__mcsv_jobs_cases! { [$crate::__mcsv_jobs_tests] $fresh }
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! __mcsv_jobs_tests {
    ([$fresh:ident] $($module:ident { $($name:ident)* })*) => {
        $($(
            #[tokio::test]
            async fn $name() -> ::core::result::Result<(), $crate::BoxError> {
                let Some(database) = $fresh().await? else { return Ok(()) };
                let mut cases = $crate::testing::conformance().iter();
                match cases.find(|case| case.name() == stringify!($name)) {
                    Some(case) => case.check(database.url()).await,
                    None => Err("no such case".into()),
                }
            }
        )*)*
    };
}
