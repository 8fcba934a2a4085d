use http::header::LOCATION;
use http::response::Parts;
use http::{HeaderValue, StatusCode};
use mcsv_core::{Code, Error};

/// The error for an answer that no Twirp server gave: a proxy's, a wrong server's.
///
/// <https://twitchtv.github.io/twirp/docs/errors.html#http-errors-from-intermediary-proxies>
pub(crate) fn intermediary_error(parts: &Parts, body: &[u8]) -> Error {
    let status = parts.status;
    let error = Error::new(code(status), format!("HTTP status {status} from no Twirp server"))
        .with_meta("http_error_from_intermediary", "true")
        .with_meta("status_code", status.as_str());
    match parts.headers.get(LOCATION).map(HeaderValue::as_bytes) {
        Some(location) if status.is_redirection() => {
            error.with_meta("location", without_query(&excerpt(location)))
        }
        _ => error.with_meta("body", excerpt(body)),
    }
}

fn code(status: StatusCode) -> Code {
    match status.as_u16() {
        // Redirects are not followed: a POST would lose its body.
        300..=400 => Code::Internal,
        401 => Code::Unauthenticated,
        403 => Code::PermissionDenied,
        404 => Code::BadRoute,
        429 | 502 | 503 | 504 => Code::Unavailable,
        _ => Code::Unknown,
    }
}

/// A query may be a signature, so it stays out of the error.
fn without_query(location: &str) -> &str {
    location.split(['?', '#']).next().unwrap_or_default()
}

fn excerpt(bytes: &[u8]) -> String {
    const LONGEST: usize = 512;
    String::from_utf8_lossy(&bytes[..bytes.len().min(LONGEST)]).into_owned()
}
