//! The header `retry-after` of Twirp's and Connect's errors.

use std::time::Duration;

use http::HeaderMap;
use http::header::RETRY_AFTER;
use mcsv_core::Error;

pub(crate) fn write(headers: &mut HeaderMap, error: &Error) {
    if let Some(wait) = error.retry_after() {
        headers.insert(RETRY_AFTER, whole_seconds(wait).into());
    }
}

/// `error` with what the header says, where nothing more exact is known.
///
/// Only the form in seconds is read; a date would need the server's clock.
pub(crate) fn read(headers: &HeaderMap, error: Error) -> Error {
    let seconds = || headers.get(RETRY_AFTER)?.to_str().ok()?.parse().ok();
    match (error.retry_after(), seconds()) {
        (None, Some(seconds)) => error.with_retry_after(Duration::from_secs(seconds)),
        _ => error,
    }
}

/// Rounded up: a client that comes back too early is refused again.
fn whole_seconds(wait: Duration) -> u64 {
    wait.as_secs() + u64::from(wait.subsec_nanos() > 0)
}
