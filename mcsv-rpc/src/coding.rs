use http::header::{ACCEPT_ENCODING, CONTENT_ENCODING};
use http::{HeaderMap, HeaderName};
use mcsv_core::{Error, Result};

use crate::Protocol;

/// How the bytes of a message are packed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Coding {
    #[default]
    Identity,
    Gzip,
}

const GRPC_ENCODING: HeaderName = HeaderName::from_static("grpc-encoding");
const GRPC_ACCEPT_ENCODING: HeaderName = HeaderName::from_static("grpc-accept-encoding");

impl Coding {
    pub(crate) fn parse(name: &str) -> Result<Self> {
        match name {
            "" | "identity" => Ok(Coding::Identity),
            "gzip" => Ok(Coding::Gzip),
            other => {
                let other: String = other.chars().take(40).collect();
                let problem = format!("unknown compression {other:?}: send gzip or identity");
                Err(Error::unimplemented(problem))
            }
        }
    }

    /// What the sender of `headers` packed its message with.
    pub(crate) fn of(protocol: Protocol, headers: &HeaderMap) -> Result<Self> {
        match headers.get(name(protocol)) {
            None => Ok(Coding::Identity),
            Some(value) => Coding::parse(value.to_str().unwrap_or("\u{fffd}")),
        }
    }

    /// What the sender of `headers` can unpack.
    pub(crate) fn accepted(protocol: Protocol, headers: &HeaderMap) -> Self {
        let values = headers.get_all(accept_name(protocol)).iter();
        let mut names = values.filter_map(|value| value.to_str().ok()).flat_map(|v| v.split(','));
        match names.any(accepts_gzip) {
            true => Coding::Gzip,
            false => Coding::Identity,
        }
    }
}

/// One item of an `accept-encoding`: a name with an optional weight, of which zero means no.
fn accepts_gzip(item: &str) -> bool {
    let mut parts = item.split(';').map(str::trim);
    let gzip = parts.next().is_some_and(|name| name.eq_ignore_ascii_case("gzip"));
    gzip && !parts.any(|weight| weight.strip_prefix("q=").is_some_and(|q| q.parse() == Ok(0.0_f32)))
}

/// The header that names the coding of a message.
pub(crate) fn name(protocol: Protocol) -> HeaderName {
    match protocol {
        Protocol::Grpc => GRPC_ENCODING,
        Protocol::Twirp | Protocol::Connect => CONTENT_ENCODING,
    }
}

/// The header that lists the codings that can be read.
pub(crate) fn accept_name(protocol: Protocol) -> HeaderName {
    match protocol {
        Protocol::Grpc => GRPC_ACCEPT_ENCODING,
        Protocol::Twirp | Protocol::Connect => ACCEPT_ENCODING,
    }
}
