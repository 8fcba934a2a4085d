use std::error::Error as StdError;
use std::fmt;

use mcsv_core::Error;

use crate::BoxError;

/// The cause of an `unavailable` error where no connection came about, so that the server can't
/// have seen the call.
///
/// Whoever repeats calls may repeat this one whatever it does. It is a local cause: a peer is not
/// told.
///
/// ```
/// use mcsv_rpc::{Error, NeverSent};
///
/// fn may_be_repeated(error: &Error) -> bool {
///     NeverSent::is_in(error)
/// }
/// assert!(!may_be_repeated(&Error::unavailable("overloaded")));
/// ```
#[derive(Debug)]
pub struct NeverSent(BoxError);

impl NeverSent {
    /// Whether the call that ended with `error` was never sent.
    #[must_use]
    pub fn is_in(error: &Error) -> bool {
        error.source().is_some_and(|cause| cause.is::<NeverSent>())
    }

    /// Marks `cause` if it is the built-in transport's failure to connect.
    pub(crate) fn mark(cause: BoxError) -> BoxError {
        let failed = cause.downcast_ref::<hyper_util::client::legacy::Error>();
        match failed {
            Some(error) if error.is_connect() => NeverSent(cause).into(),
            _ => cause,
        }
    }
}

impl fmt::Display for NeverSent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("no connection came about")
    }
}

impl StdError for NeverSent {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        Some(&*self.0)
    }
}
