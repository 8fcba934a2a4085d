use std::error::Error as StdError;
use std::fmt;

use mcsv_core::Error;

use crate::BoxError;

/// The cause of an `unavailable` error where no handler can have seen the call: no connection came
/// about, or the server refused the stream before it read it (HTTP/2's `REFUSED_STREAM`, or a
/// `GOAWAY` that leaves the stream out).
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

    /// Marks `cause` if it is one that leaves no doubt.
    pub(crate) fn mark(cause: BoxError) -> BoxError {
        if proves_it(&*cause) { NeverSent(cause).into() } else { cause }
    }

    #[cfg(test)]
    pub(crate) fn new(cause: BoxError) -> Self {
        NeverSent(cause)
    }
}

fn proves_it(cause: &(dyn StdError + 'static)) -> bool {
    let mut next = Some(cause);
    while let Some(error) = next {
        if let Some(error) = error.downcast_ref::<hyper_util::client::legacy::Error>()
            && error.is_connect()
        {
            return true;
        }
        // The request was still waiting for its turn when the connection went.
        if error.downcast_ref::<hyper::Error>().is_some_and(hyper::Error::is_canceled) {
            return true;
        }
        if error.downcast_ref::<h2::Error>().is_some_and(is_refusal) {
            return true;
        }
        next = error.source();
    }
    false
}

/// RFC 9113, section 8.7: both guarantee that the request was not processed. A connection that ends
/// in an error of its own guarantees nothing.
fn is_refusal(error: &h2::Error) -> bool {
    let refused = error.is_reset() && error.reason() == Some(h2::Reason::REFUSED_STREAM);
    let going = error.is_go_away() && error.reason() == Some(h2::Reason::NO_ERROR);
    error.is_remote() && (refused || going)
}

impl fmt::Display for NeverSent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the call never reached the server")
    }
}

impl StdError for NeverSent {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        Some(&*self.0)
    }
}
