use http::{HeaderMap, HeaderName, HeaderValue};
use mcsv_core::{Error, Result};

pub(crate) const VERSION: HeaderName = HeaderName::from_static("connect-protocol-version");
pub(crate) const VERSION_1: HeaderValue = HeaderValue::from_static("1");

/// A request may leave the version out, as one by hand does; one that is there must be known.
pub(crate) fn check_version(headers: &HeaderMap) -> Result<()> {
    match headers.get(VERSION) {
        Some(version) if version != VERSION_1 => Err(Error::invalid_argument(format!(
            "bad header {VERSION}: {version:?} is no version that is known here: send 1"
        ))),
        _ => Ok(()),
    }
}
