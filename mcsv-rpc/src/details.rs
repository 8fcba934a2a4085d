//! The typed details of an error, as Connect and gRPC carry them.
//!
//! Metadata travels as `google.rpc.ErrorInfo` and the retry hint as `google.rpc.RetryInfo`, which
//! clients in every language know:
//! <https://github.com/googleapis/googleapis/blob/master/google/rpc/error_details.proto>.

use std::collections::BTreeMap;
use std::time::Duration;

use mcsv_core::{Code, Error, ErrorDetail};
use prost::Message;

use crate::canonical::canonical;

/// Marks an `ErrorInfo` whose reason is a [`Code`].
const DOMAIN: &str = "mcsv-rpc";
const ERROR_INFO: &str = "google.rpc.ErrorInfo";
const RETRY_INFO: &str = "google.rpc.RetryInfo";

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

/// What is said of `error` beyond its code and message, its own details last.
pub(crate) fn details(error: &Error) -> Vec<ErrorDetail> {
    let mut details = Vec::new();
    // That a path leads nowhere needs no more words: it is what `unimplemented` means there.
    if error.code() == Code::Malformed || error.metadata().next().is_some() {
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
    details.extend_from_slice(error.details());
    details
}

/// The error that a peer meant by a code, a message and details.
pub(crate) fn received(code: Code, message: String, details: Vec<ErrorDetail>) -> Error {
    let infos = details.iter().filter(|detail| detail.type_name() == ERROR_INFO);
    let infos: Vec<_> = infos.filter_map(|info| ErrorInfo::decode(info.value()).ok()).collect();
    let mut error = Error::new(original(code, &infos), message);
    for (key, value) in infos.into_iter().flat_map(|info| info.metadata) {
        error = error.with_meta(key, value);
    }
    if let Some(wait) = details.iter().find_map(retry_delay) {
        error = error.with_retry_after(wait);
    }
    let known = [ERROR_INFO, RETRY_INFO];
    let foreign = |detail: &ErrorDetail| !known.contains(&detail.type_name());
    let rest = details.iter().filter(|detail| foreign(detail));
    rest.fold(error, |error, detail| error.with_detail(detail.type_name(), detail.value()))
}

/// Twirp's own codes come back through the reason; no reason can turn a code into another one.
fn original(code: Code, infos: &[ErrorInfo]) -> Code {
    let ours = infos.iter().filter(|info| info.domain == DOMAIN);
    let mut codes = ours.filter_map(|info| info.reason.to_ascii_lowercase().parse::<Code>().ok());
    codes.find(|original| canonical(*original) == code).unwrap_or(code)
}

fn retry_delay(detail: &ErrorDetail) -> Option<Duration> {
    if detail.type_name() != RETRY_INFO {
        return None;
    }
    RetryInfo::decode(detail.value()).ok()?.retry_delay?.try_into().ok()
}
