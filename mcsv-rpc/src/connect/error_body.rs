use std::borrow::Cow;

use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use http::header::CONTENT_TYPE;
use http::response::Parts;
use http::{HeaderValue, Response};
use mcsv_core::{Code, Error, ErrorDetail};
use serde::{Deserialize, Serialize};

use super::status::status;
use crate::canonical::{canonical, of_status};
use crate::client::Fault;
use crate::details::{details, received};
use crate::retry_after;
use crate::twirp::{self, shortened};
use crate::{Body, base64_any};

#[derive(Serialize, Deserialize)]
struct ErrorBody<'a> {
    /// Where it is not there or not known, the status says what it would.
    #[serde(borrow)]
    code: Option<Cow<'a, str>>,
    #[serde(borrow, default, skip_serializing_if = "str::is_empty")]
    message: Cow<'a, str>,
    #[serde(borrow, default, skip_serializing_if = "Vec::is_empty")]
    details: Vec<Detail<'a>>,
}

#[derive(Serialize, Deserialize)]
struct Detail<'a> {
    #[serde(rename = "type", borrow)]
    type_name: Cow<'a, str>,
    /// Base64 without padding.
    #[serde(borrow)]
    value: Cow<'a, str>,
}

/// The answer for `error`: its code, message, metadata and retry hint, its cause not.
pub(crate) fn response(error: &Error) -> Response<Body> {
    let details = details(error);
    let body = ErrorBody {
        code: Some(canonical(error.code()).as_str().into()),
        message: shortened(error.message()).into(),
        details: details.iter().map(Detail::of).collect(),
    };
    // Strings always have a JSON form.
    let json = serde_json::to_vec(&body).unwrap_or_default();
    let mut response = Response::new(Body::from(json));
    *response.status_mut() = status(error.code());
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    retry_after::write(headers, error);
    response
}

/// An error that clients of Twirp and of Connect both read: Twirp's status and fields, and beside them
/// those of Connect under their own names.
pub(crate) fn response_of_either(error: &Error) -> Response<Body> {
    #[derive(Serialize)]
    struct EitherBody<'a> {
        #[serde(flatten)]
        twirp: twirp::ErrorBody<'a>,
        #[serde(skip_serializing_if = "str::is_empty")]
        message: &'a str,
        #[serde(skip_serializing_if = "Vec::is_empty")]
        details: Vec<Detail<'a>>,
    }
    let details = details(error);
    let body = EitherBody {
        twirp: twirp::ErrorBody::of(error),
        message: shortened(error.message()),
        details: details.iter().map(Detail::of).collect(),
    };
    twirp::error_with(error, &body)
}

impl<'a> Detail<'a> {
    fn of(detail: &'a ErrorDetail) -> Self {
        let value = STANDARD_NO_PAD.encode(detail.value()).into();
        Detail { type_name: detail.type_name().into(), value }
    }

    fn read(self) -> Option<ErrorDetail> {
        let value = base64_any::decode(self.value.as_bytes())?;
        Some(ErrorDetail::new(self.type_name, value))
    }
}

/// The error in an answer whose status is not 200.
pub(crate) fn read_error(parts: &Parts, body: &[u8]) -> Fault {
    let fault = match serde_json::from_slice::<ErrorBody<'_>>(body) {
        // JSON with neither is somebody else's.
        Ok(body) if body.code.is_some() || !body.message.is_empty() => {
            let code = body.code.and_then(|code| code.parse::<Code>().ok());
            let details = body.details.into_iter().filter_map(Detail::read).collect();
            let message = body.message.into_owned();
            match code {
                Some(code) => Fault::Theirs(received(code, message, details)),
                // A gateway's JSON has a message too.
                None => Fault::Ours(received(of_status(parts.status), message, details)),
            }
        }
        _ => {
            let status = parts.status;
            let problem = format!("HTTP status {status} from no Connect server");
            let error = Error::new(of_status(status), problem);
            error.with_meta("status_code", status.as_str()).into()
        }
    };
    fault.map(|error| retry_after::read(&parts.headers, error))
}

#[cfg(test)]
mod tests {
    use http::StatusCode;

    use super::*;

    #[track_caller]
    fn check(body: &str, code: Code, message: &str) {
        let mut response = Response::new(());
        *response.status_mut() = StatusCode::UNAUTHORIZED;
        let error = read_error(&response.into_parts().0, body.as_bytes()).into_error();
        assert_eq!((error.code(), error.message()), (code, message), "{body}");
    }

    #[test]
    fn without_a_code_the_status_counts_and_the_message_stays() {
        check(r#"{"code":"not_found","message":"oops"}"#, Code::NotFound, "oops");
        check(r#"{"code":null,"message":"oops"}"#, Code::Unauthenticated, "oops");
        check(r#"{"message":"oops"}"#, Code::Unauthenticated, "oops");
        check(r#"{"code":"odd","message":"oops"}"#, Code::Unauthenticated, "oops");
    }

    #[test]
    fn json_of_somebody_else_is_no_error_of_connect() {
        let problem = "HTTP status 401 Unauthorized from no Connect server";
        check(r#"{"error":"oops"}"#, Code::Unauthenticated, problem);
        check("<p>oops</p>", Code::Unauthenticated, problem);
    }
}
