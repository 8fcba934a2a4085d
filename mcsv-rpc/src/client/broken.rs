//! What it means when a request or its answer breaks off.

use std::error::Error as StdError;
use std::time::Duration;

use mcsv_core::Error;
use tokio::time::Instant;

use super::endpoint::Endpoint;
use super::never_sent::{NeverSent, chain};
use super::shared::Shared;
use crate::BoxError;
use crate::read::ReadError;

pub(crate) fn unreachable(endpoint: &Endpoint, cause: BoxError) -> Error {
    let reason = innermost(&*cause);
    broken(format!("can't reach {endpoint}: {reason}"), cause)
}

pub(crate) fn unread(channel: &Shared, endpoint: &Endpoint, error: ReadError) -> Error {
    match error {
        ReadError::TooLarge => Error::resource_exhausted(format!(
            "the answer from {endpoint} is larger than the limit of {} bytes",
            channel.response_limit
        )),
        ReadError::Broken(cause) => broken(format!("the answer from {endpoint} broke off"), cause),
        ReadError::Stalled => Error::unavailable("the answer stalled"),
    }
}

/// Whether `error` is how a server says that the deadline of a call, which ends at `end`, is over.
///
/// A server of gRPC can then do no more than cancel the stream, and its clock may be ahead of ours by
/// what the header on the wire leaves out: less than a millisecond.
pub(crate) fn by_deadline(error: &Error, end: Instant) -> bool {
    const LEFT_OUT: Duration = Duration::from_millis(1);
    let canceled = error.source().is_some_and(|cause| is_canceled(cause));
    canceled && end.saturating_duration_since(Instant::now()) <= LEFT_OUT
}

fn broken(message: String, cause: BoxError) -> Error {
    let error = match is_canceled(&*cause) {
        true => Error::canceled(message),
        false => Error::unavailable(message),
    };
    error.with_source(NeverSent::mark(cause))
}

/// Whether the server reset the stream with HTTP/2's `CANCEL`, which [gRPC] has mean just that.
///
/// [gRPC]: https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md#errors
fn is_canceled(cause: &(dyn StdError + 'static)) -> bool {
    chain(cause).filter_map(|error| error.downcast_ref::<h2::Error>()).any(|error| {
        error.is_remote() && error.is_reset() && error.reason() == Some(h2::Reason::CANCEL)
    })
}

/// The last cause says what happened, such as "connection refused"; those before it say where.
fn innermost<'a>(error: &'a (dyn StdError + 'static)) -> &'a (dyn StdError + 'static) {
    chain(error).last().unwrap_or(error)
}
