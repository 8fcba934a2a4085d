//! What it means when a request or its answer breaks off.

use std::error::Error as StdError;
use std::time::Duration;

use h2::Reason;
use mcsv_core::{Code, Error};
use tokio::time::Instant;

use super::endpoint::Endpoint;
use super::never_sent::{NeverSent, chain};
use super::shared::Shared;
use crate::BoxError;
use crate::read::ReadError;
use crate::undisclosed::Undisclosed;

pub(crate) fn unreachable(endpoint: &Endpoint, cause: BoxError) -> Error {
    let reason = innermost(&*cause);
    Undisclosed::mark(broken(format!("can't reach {endpoint}: {reason}"), cause))
}

pub(crate) fn unread(channel: &Shared, endpoint: &Endpoint, error: ReadError) -> Error {
    Undisclosed::mark(match error {
        ReadError::TooLarge => Error::resource_exhausted(format!(
            "the answer from {endpoint} is larger than the limit of {} bytes",
            channel.response_limit
        )),
        ReadError::Broken(cause) => broken(format!("the answer from {endpoint} broke off"), cause),
        ReadError::Stalled => Error::unavailable("the answer stalled"),
    })
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
    let code = reset(&*cause).map_or(Code::Unavailable, of_reset);
    Error::new(code, message).with_source(NeverSent::mark(cause))
}

fn is_canceled(cause: &(dyn StdError + 'static)) -> bool {
    reset(cause) == Some(Reason::CANCEL)
}

/// Why the server reset the stream, where it did.
fn reset(cause: &(dyn StdError + 'static)) -> Option<Reason> {
    let mut errors = chain(cause).filter_map(|error| error.downcast_ref::<h2::Error>());
    errors.find(|error| error.is_remote() && error.is_reset())?.reason()
}

/// What [gRPC] has a reset mean.
///
/// [gRPC]: https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md#errors
fn of_reset(reason: Reason) -> Code {
    match reason {
        Reason::REFUSED_STREAM => Code::Unavailable,
        Reason::CANCEL => Code::Canceled,
        Reason::ENHANCE_YOUR_CALM => Code::ResourceExhausted,
        Reason::INADEQUATE_SECURITY => Code::PermissionDenied,
        _ => Code::Internal,
    }
}

/// The last cause says what happened, such as "connection refused"; those before it say where.
fn innermost<'a>(error: &'a (dyn StdError + 'static)) -> &'a (dyn StdError + 'static) {
    chain(error).last().unwrap_or(error)
}
