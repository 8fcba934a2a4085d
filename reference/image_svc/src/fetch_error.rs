use mcsv_protos::rules::invalid;
use mcsv_rpc::Error;

/// What the peer may know of a link that failed: which one and in which way, never the link.
pub(crate) fn fetch_error(field: &str, error: mcsv_storage::Error) -> Error {
    if error.is_retryable() {
        Error::unavailable(format!("{field}: {error}")).with_source(error)
    } else {
        invalid(field, &error).with_source(error)
    }
}
