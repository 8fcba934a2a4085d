use std::borrow::Cow;
use std::collections::BTreeMap;

use http::header::CONTENT_TYPE;
use http::response::Parts;
use http::{HeaderValue, Response};
use mcsv_core::{Code, Error};
use serde::{Deserialize, Serialize};

use super::intermediary::intermediary_error;
use super::status::status;
use crate::client::Fault;
use crate::undisclosed::Undisclosed;
use crate::{Body, retry_after};

/// The most of a message that is sent, in bytes.
const LONGEST_MESSAGE: usize = 64 * 1024;

#[derive(Serialize, Deserialize)]
pub(crate) struct ErrorBody<'a> {
    #[serde(borrow)]
    code: Cow<'a, str>,
    #[serde(borrow, default)]
    msg: Cow<'a, str>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    meta: BTreeMap<String, String>,
}

/// The Twirp answer for `error`: its code, message, metadata and retry hint as JSON, its cause not.
///
/// Of an error that a client made, such as of a server that it can't reach, it tells no more than
/// the code and the hint.
///
/// For services of your own. A layer that refuses requests of any protocol uses
/// [`error_response_to`](crate::error_response_to).
///
/// ```
/// let refusal = mcsv_rpc::error_response(&mcsv_rpc::Error::unauthenticated("who are you?"));
/// assert_eq!(refusal.status(), 401);
/// ```
#[must_use]
pub fn error_response(error: &Error) -> Response<Body> {
    let outward = Undisclosed::outward(error);
    let error = outward.as_ref().unwrap_or(error);
    error_with(error, &ErrorBody::of(error))
}

impl<'a> ErrorBody<'a> {
    pub(crate) fn of(error: &'a Error) -> Self {
        ErrorBody {
            code: error.code().as_str().into(),
            msg: shortened(error.message()).into(),
            meta: error.metadata().map(|(k, v)| (k.to_owned(), v.to_owned())).collect(),
        }
    }
}

/// The answer for `error` with another body than Twirp's own.
pub(crate) fn error_with(error: &Error, body: &impl Serialize) -> Response<Body> {
    // Strings, and maps and lists of strings, always have a JSON form.
    let json = serde_json::to_vec(body).unwrap_or_default();
    let mut response = Response::new(Body::from(json));
    *response.status_mut() = status(error.code());
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    retry_after::write(headers, error);
    response
}

/// The error in an answer whose status is not 200.
pub(crate) fn read_error(parts: &Parts, body: &[u8]) -> Fault {
    let fault = match serde_json::from_slice::<ErrorBody<'_>>(body) {
        Ok(body) => from_body(body),
        Err(_) => Fault::Ours(intermediary_error(parts, body)),
    };
    fault.map(|error| retry_after::read(&parts.headers, error))
}

fn from_body(body: ErrorBody<'_>) -> Fault {
    let fault = match body.code.parse::<Code>() {
        Ok(code) => Fault::Theirs(Error::new(code, body.msg)),
        Err(_) => {
            let code: String = body.code.chars().take(64).collect();
            Error::internal(format!("the server answered with an unknown code {code:?}")).into()
        }
    };
    let with_meta = |error: Error, (key, value)| error.with_meta(key, value);
    fault.map(|error| body.meta.into_iter().fold(error, with_meta))
}

/// At most as much as is sent.
pub(crate) fn shortened(message: &str) -> &str {
    let end = message.floor_char_boundary(LONGEST_MESSAGE);
    &message[..end]
}
