//! The typed details of an error, as Connect and gRPC carry them.
//!
//! Metadata travels as `google.rpc.ErrorInfo` and the retry hint as `google.rpc.RetryInfo`, which
//! clients in every language know:
//! <https://github.com/googleapis/googleapis/blob/master/google/rpc/error_details.proto>.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use bytes::Bytes;
use mcsv_core::{Code, Error};
use prost::Message;

use crate::canonical::canonical;

/// Marks an `ErrorInfo` whose reason is a [`Code`].
const DOMAIN: &str = "mcsv-rpc";
const ERROR_INFO: &str = "google.rpc.ErrorInfo";
const RETRY_INFO: &str = "google.rpc.RetryInfo";

/// One typed detail of an error: the name of a protobuf message and its bytes.
///
/// A handler adds it with [`Cx::add_error_detail`](crate::Cx::add_error_detail), Connect and gRPC
/// carry it, and the client finds it with [`of`](Self::of). Twirp has no place for it; metadata
/// travels in all three protocols.
///
/// ```
/// use mcsv_rpc::ErrorDetail;
///
/// let detail = ErrorDetail::new("google.rpc.DebugInfo", vec![0x12, 2, b'h', b'i']);
/// assert_eq!(detail.type_name(), "google.rpc.DebugInfo");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ErrorDetail {
    type_name: String,
    value: Bytes,
}

impl ErrorDetail {
    /// A detail whose message is `type_name`, such as `google.rpc.BadRequest`, and whose bytes are
    /// `value`: that of prost's `encode_to_vec`.
    pub fn new(type_name: impl Into<String>, value: impl Into<Bytes>) -> Self {
        ErrorDetail { type_name: type_name.into(), value: value.into() }
    }

    /// The full name of the message.
    #[must_use]
    pub fn type_name(&self) -> &str {
        &self.type_name
    }

    /// The message's bytes, to be decoded with prost.
    #[must_use]
    pub fn value(&self) -> &Bytes {
        &self.value
    }

    /// The details that came with an error from a client's call, beside what is in its metadata.
    #[must_use]
    pub fn of(error: &Error) -> &[ErrorDetail] {
        match error.source().and_then(|source| source.downcast_ref::<Received>()) {
            Some(received) => &received.0,
            None => &[],
        }
    }
}

/// The details as the source of the error that they came with.
#[derive(Debug)]
struct Received(Vec<ErrorDetail>);

impl fmt::Display for Received {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<_> = self.0.iter().map(ErrorDetail::type_name).collect();
        write!(f, "the peer gave details of type {}", names.join(", "))
    }
}

impl std::error::Error for Received {}

#[derive(Clone, PartialEq, Message)]
struct ErrorInfo {
    #[prost(string, tag = "1")]
    reason: String,
    #[prost(string, tag = "2")]
    domain: String,
    #[prost(btree_map = "string, string", tag = "3")]
    metadata: BTreeMap<String, String>,
}

#[derive(Clone, PartialEq, Message)]
struct RetryInfo {
    #[prost(message, optional, tag = "1")]
    retry_delay: Option<prost_types::Duration>,
}

/// What is said of `error` beyond its code and message, `own` details last.
pub(crate) fn details(error: &Error, own: &[ErrorDetail]) -> Vec<ErrorDetail> {
    let mut details = Vec::new();
    if error.code() != canonical(error.code()) || error.metadata().next().is_some() {
        let info = ErrorInfo {
            reason: error.code().as_str().to_ascii_uppercase(),
            domain: DOMAIN.to_owned(),
            metadata: error.metadata().map(|(k, v)| (k.to_owned(), v.to_owned())).collect(),
        };
        details.push(ErrorDetail::new(ERROR_INFO, info.encode_to_vec()));
    }
    if let Some(wait) = error.retry_after() {
        let retry_delay = prost_types::Duration::try_from(wait).ok();
        details.push(ErrorDetail::new(RETRY_INFO, RetryInfo { retry_delay }.encode_to_vec()));
    }
    details.extend_from_slice(own);
    details
}

/// The error that a peer meant by a code, a message and details.
pub(crate) fn received(code: Code, message: String, details: Vec<ErrorDetail>) -> Error {
    let infos = details.iter().filter(|detail| detail.type_name == ERROR_INFO);
    let infos: Vec<_> =
        infos.filter_map(|info| ErrorInfo::decode(info.value.clone()).ok()).collect();
    let mut error = Error::new(original(code, &infos), message);
    for (key, value) in infos.into_iter().flat_map(|info| info.metadata) {
        error = error.with_meta(key, value);
    }
    if let Some(wait) = details.iter().find_map(retry_delay) {
        error = error.with_retry_after(wait);
    }
    let known = [ERROR_INFO, RETRY_INFO];
    let foreign = |detail: &ErrorDetail| !known.contains(&detail.type_name.as_str());
    let rest: Vec<_> = details.into_iter().filter(foreign).collect();
    if rest.is_empty() { error } else { error.with_source(Received(rest)) }
}

/// Twirp's own codes come back through the reason; no reason can turn a code into another one.
fn original(code: Code, infos: &[ErrorInfo]) -> Code {
    let ours = infos.iter().filter(|info| info.domain == DOMAIN);
    let mut codes = ours.filter_map(|info| info.reason.to_ascii_lowercase().parse::<Code>().ok());
    codes.find(|original| canonical(*original) == code).unwrap_or(code)
}

fn retry_delay(detail: &ErrorDetail) -> Option<Duration> {
    if detail.type_name != RETRY_INFO {
        return None;
    }
    RetryInfo::decode(detail.value.clone()).ok()?.retry_delay?.try_into().ok()
}
