use std::error::Error as StdError;

use crate::error::{Error, ErrorKind};
use crate::fetch::origin::Origin;
use crate::fetch::refusal::Refusal;

/// What the HTTP client said, in our words and without the URL.
pub(crate) fn transport_error(error: reqwest::Error, origin: &Origin) -> Error {
    let causes = || {
        std::iter::successors(error.source(), |cause: &&(dyn StdError + 'static)| (*cause).source())
    };
    if let Some(refusal) = causes().find_map(|cause| cause.downcast_ref::<Refusal>()) {
        return Error::new(ErrorKind::Refused, format!("fetch: {origin}: {refusal}"));
    }
    // The source of an upload may have failed, and not the way to the server.
    if let Some(ours) = causes().find_map(|cause| cause.downcast_ref::<Error>()) {
        return Error::new(ours.kind(), format!("fetch: {origin}: {ours}"));
    }
    let (kind, says) = if error.is_timeout() {
        (ErrorKind::Timeout, "no answer in time")
    } else if error.is_connect() {
        (ErrorKind::Connect, "no connection")
    } else if error.is_builder() {
        (ErrorKind::InvalidOption, "the request can't be made")
    } else {
        (ErrorKind::Connect, "the connection broke")
    };
    Error::new(kind, format!("fetch: {origin}: {says}")).with_source(error.without_url())
}
