use http::header::{self, HeaderName};
use http::{HeaderValue, Response, StatusCode};

use crate::error::{Error, ErrorKind};
use crate::serve::body::StorageBody;

/// A failure as its sender may see it. What the store said stays here.
pub(crate) fn failure(error: &Error) -> Response<StorageBody> {
    let (status, code, message) = match error.kind() {
        ErrorKind::Signature => (
            StatusCode::FORBIDDEN,
            "invalid_signature",
            "the link is not one of ours, or was changed",
        ),
        ErrorKind::Expired => {
            (StatusCode::FORBIDDEN, "expired", "the link has expired: ask for a new one")
        }
        ErrorKind::NotFound | ErrorKind::InvalidKey => {
            (StatusCode::NOT_FOUND, "not_found", "there is no such object")
        }
        ErrorKind::AlreadyExists => {
            (StatusCode::CONFLICT, "already_exists", "there is such an object already")
        }
        ErrorKind::TooLarge => (
            StatusCode::PAYLOAD_TOO_LARGE,
            "too_large",
            "the content is longer than the link allows",
        ),
        ErrorKind::LengthMismatch => (
            StatusCode::UNPROCESSABLE_ENTITY,
            "length_mismatch",
            "the content is not as long as the link demands",
        ),
        ErrorKind::ChecksumMismatch => (
            StatusCode::UNPROCESSABLE_ENTITY,
            "checksum_mismatch",
            "the content has another sha-256 than the link demands",
        ),
        ErrorKind::Body => (StatusCode::BAD_REQUEST, "incomplete", "the content broke off"),
        ErrorKind::Timeout => {
            (StatusCode::REQUEST_TIMEOUT, "timeout", "the content came too slowly")
        }
        ErrorKind::Unavailable => {
            (StatusCode::SERVICE_UNAVAILABLE, "unavailable", "the store is away: try again later")
        }
        _ => (StatusCode::INTERNAL_SERVER_ERROR, "internal", "the store failed"),
    };
    if status.is_server_error() {
        tracing::error!(%error, cause = ?std::error::Error::source(error), "a signed request failed");
    }
    refusal(status, code, message)
}

/// An answer that says what is wrong, to a program and to a person.
///
/// `code` and `message` are texts of this crate that need no escape in JSON.
pub(crate) fn refusal(status: StatusCode, code: &str, message: &str) -> Response<StorageBody> {
    let text = format!("{{\"code\":\"{code}\",\"message\":\"{message}\"}}\n");
    let mut answer = Response::new(StorageBody::text(text));
    *answer.status_mut() = status;
    let headers = answer.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    answer
}

/// What every answer carries: a stored file must never act in the name of the site that serves it,
/// and the link must not travel on in a `referer`.
pub(crate) fn guard(answer: &mut Response<StorageBody>) {
    const GUARDS: [(HeaderName, &str); 3] = [
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::CONTENT_SECURITY_POLICY, "default-src 'none'; sandbox"),
        (header::REFERRER_POLICY, "no-referrer"),
    ];
    for (name, value) in GUARDS {
        answer.headers_mut().insert(name, HeaderValue::from_static(value));
    }
}
