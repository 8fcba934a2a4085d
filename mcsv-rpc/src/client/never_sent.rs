use std::error::Error as StdError;
use std::fmt;

use mcsv_core::Error;

use crate::BoxError;
use crate::undisclosed::Undisclosed;

/// The cause of an `unavailable` error where no handler can have seen the call: no connection came
/// about, or the server refused the stream before it read it (HTTP/2's `REFUSED_STREAM`, or a
/// `GOAWAY` that leaves the stream out).
///
/// Whoever repeats calls may repeat this one whatever it does. It is a local cause, among the
/// [sources](mcsv_core::Error::source) of the error: a peer is not told.
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
        NeverSent::of(error).is_some()
    }

    /// Whether a server that is there turned the call away before it read it: a new connection, or
    /// just a second try, is likely to do.
    pub(crate) fn is_refusal(error: &Error) -> bool {
        NeverSent::of(error).is_some_and(|NeverSent(cause)| {
            chain(&**cause).any(|it| it.downcast_ref().is_some_and(is_refusal))
        })
    }

    fn of(error: &Error) -> Option<&NeverSent> {
        Undisclosed::cause_of(error)?.downcast_ref()
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
    chain(cause).any(|error| {
        let is_connect = error
            .downcast_ref::<hyper_util::client::legacy::Error>()
            .is_some_and(hyper_util::client::legacy::Error::is_connect);
        // The request was still waiting for its turn when the connection went.
        let is_canceled =
            error.downcast_ref::<hyper::Error>().is_some_and(hyper::Error::is_canceled);
        is_connect || is_canceled || error.downcast_ref().is_some_and(is_refusal)
    })
}

/// An error and all that caused it.
pub(crate) fn chain<'a>(
    error: &'a (dyn StdError + 'static),
) -> impl Iterator<Item = &'a (dyn StdError + 'static)> {
    std::iter::successors(Some(error), |error| (*error).source())
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
