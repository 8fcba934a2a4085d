//! `grpc-status` and what stands beside it.

use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use bytes::Bytes;
use http::response::Parts;
use http::{HeaderMap, HeaderName, HeaderValue};
use mcsv_core::{Error, ErrorDetail, Result};
use prost::Message;

use super::pushback;
use crate::canonical::{self, number, of_number};
use crate::client::Fault;
use crate::details::{details, received};
use crate::{base64_any, percent};

const STATUS: HeaderName = HeaderName::from_static("grpc-status");
const MESSAGE: HeaderName = HeaderName::from_static("grpc-message");
const DETAILS: HeaderName = HeaderName::from_static("grpc-status-details-bin");

/// The longest encoded details: a peer that bounds its headers must still learn the code.
const LONGEST_DETAILS: usize = 4096;

/// `google.rpc.Status`.
#[derive(Clone, PartialEq, Message)]
struct Status {
    #[prost(int32, tag = "1")]
    code: i32,
    #[prost(string, tag = "2")]
    message: String,
    #[prost(message, repeated, tag = "3")]
    details: Vec<prost_types::Any>,
}

/// The trailers of a call that went well.
pub(crate) fn write_ok(trailers: &mut HeaderMap) {
    trailers.insert(STATUS, HeaderValue::from_static("0"));
}

/// Writes `error` where a peer looks for it: into trailers, or headers that nothing follows.
pub(crate) fn write_error(trailers: &mut HeaderMap, error: &Error) {
    let number = number(error.code());
    trailers.insert(STATUS, HeaderValue::from(u16::from(number)));
    // Encoded, both are printable ASCII.
    if let Ok(message) = HeaderValue::from_str(&percent::encode(error.message())) {
        trailers.insert(MESSAGE, message);
    }
    if let Some(wait) = error.retry_after() {
        pushback::write(trailers, wait);
    }
    let details = details(error);
    if details.is_empty() {
        return;
    }
    let status = Status {
        code: number.into(),
        message: error.message().to_owned(),
        details: details.into_iter().map(to_any).collect(),
    };
    if status.encoded_len() <= LONGEST_DETAILS * 3 / 4
        && let Ok(value) = STANDARD_NO_PAD.encode(status.encode_to_vec()).try_into()
    {
        trailers.insert(DETAILS, value);
    }
}

/// Whether the status is here at all.
pub(crate) fn is_in(headers: &HeaderMap) -> bool {
    headers.contains_key(STATUS)
}

/// What the trailers, or the headers of an answer without any, say of the call.
pub(crate) fn read(trailers: &HeaderMap) -> Result<(), Fault> {
    let Some(status) = trailers.get(STATUS) else {
        return Err(Error::internal("the answer ended without a grpc-status").into());
    };
    let number = status.to_str().ok().and_then(|text| text.parse::<u32>().ok());
    let code = match number {
        Some(0) => return Ok(()),
        Some(number) => of_number(number),
        None => of_number(2),
    };
    let message = trailers.get(MESSAGE).map(|value| percent::decode(value.as_bytes()));
    let error = received(code, message.unwrap_or_default(), read_details(trailers));
    Err(Fault::Theirs(pushback::read(trailers, error)))
}

/// The error of an answer that no gRPC server gave: a proxy's, a wrong server's.
pub(crate) fn of_status(parts: &Parts) -> Error {
    let status = parts.status;
    let problem = format!("HTTP status {status} from no gRPC server");
    let error = Error::new(canonical::of_status(status), problem);
    error.with_meta("status_code", status.as_str())
}

/// Details that can't be read must not hide the error that they belong to.
fn read_details(trailers: &HeaderMap) -> Vec<ErrorDetail> {
    let bytes = trailers.get(DETAILS).and_then(|value| base64_any::decode(value.as_bytes()));
    let status = bytes.and_then(|bytes| Status::decode(Bytes::from(bytes)).ok());
    status.map_or_else(Vec::new, |status| status.details.into_iter().map(of_any).collect())
}

fn to_any(detail: ErrorDetail) -> prost_types::Any {
    prost_types::Any {
        type_url: format!("type.googleapis.com/{}", detail.type_name()),
        value: detail.value().to_vec(),
    }
}

fn of_any(any: prost_types::Any) -> ErrorDetail {
    let name = any.type_url.rsplit('/').next().unwrap_or_default().to_owned();
    ErrorDetail::new(name, any.value)
}
