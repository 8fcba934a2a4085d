//! What a server says of a retry in `grpc-retry-pushback-ms`.
//!
//! <https://github.com/grpc/proposal/blob/master/A6-client-retries.md#pushback>

use std::fmt;
use std::time::Duration;

use http::{HeaderMap, HeaderName, HeaderValue};
use mcsv_core::Error;

const NAME: HeaderName = HeaderName::from_static("grpc-retry-pushback-ms");

/// The cause of an error whose server wants no retry of it, not even later.
#[derive(Debug)]
pub(crate) struct NoRetry;

impl NoRetry {
    /// Whether the server of `error` forbade a retry.
    pub(crate) fn is_in(error: &Error) -> bool {
        error.source().is_some_and(|cause| cause.is::<NoRetry>())
    }
}

impl fmt::Display for NoRetry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the server forbids a retry")
    }
}

impl std::error::Error for NoRetry {}

pub(super) fn write(trailers: &mut HeaderMap, wait: Duration) {
    // What is longer than the 32 bits of the header is as good as never.
    let millis = i32::try_from(wait.as_millis()).unwrap_or(i32::MAX);
    trailers.insert(NAME, HeaderValue::from(millis));
}

/// `error` with what the header says, which goes before a `RetryInfo`.
pub(super) fn read(trailers: &HeaderMap, error: Error) -> Error {
    let Some(value) = trailers.get(NAME) else { return error };
    let millis = value.to_str().ok().and_then(|text| text.parse::<i32>().ok());
    match millis.and_then(|millis| u64::try_from(millis).ok()) {
        Some(millis) => error.with_retry_after(Duration::from_millis(millis)),
        // Negative, or nothing that can be read: both are a no.
        None => error.with_source(NoRetry),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(value: &'static str, wait: Option<u64>, forbidden: bool) {
        let trailers = HeaderMap::from_iter([(NAME, HeaderValue::from_static(value))]);
        let error = read(&trailers, Error::unavailable(""));
        assert_eq!(error.retry_after(), wait.map(Duration::from_millis), "{value}");
        assert_eq!(NoRetry::is_in(&error), forbidden, "{value}");
    }

    #[test]
    fn a_wait_is_a_hint_and_all_else_forbids() {
        check("0", Some(0), false);
        check("1500", Some(1500), false);
        check("2147483647", Some(2_147_483_647), false);
        for value in ["-1", "2147483648", "", "soon", "1.5"] {
            check(value, None, true);
        }
    }

    #[test]
    fn a_long_wait_is_written_as_the_longest() {
        let mut trailers = HeaderMap::new();
        write(&mut trailers, Duration::from_secs(u64::MAX));
        assert_eq!(trailers[NAME], "2147483647");
    }
}
