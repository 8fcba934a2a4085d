use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderValue};
use mcsv_core::{Error, Result};

/// The content type that the client sends.
pub(crate) const PROTOBUF: HeaderValue = HeaderValue::from_static("application/protobuf");

/// An encoding of messages that is understood here, by the name that the caller gave it.
///
/// The answer repeats the name: Twirp's clients compare.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ContentType {
    /// `application/protobuf`, the name in the specification.
    Protobuf,
    /// `application/x-protobuf`, which older clients send.
    XProtobuf,
    /// `application/proto`, the name that Connect uses.
    Proto,
}

impl ContentType {
    /// Reads the request's content type; parameters such as a charset are passed over.
    pub(crate) fn of_request(headers: &HeaderMap) -> Result<Self> {
        let value = headers.get(CONTENT_TYPE).map_or(&b""[..], HeaderValue::as_bytes);
        if value == b"application/protobuf" {
            return Ok(ContentType::Protobuf);
        }
        let essence = value.split(|byte| *byte == b';').next().unwrap_or_default().trim_ascii();
        match essence.to_ascii_lowercase().as_slice() {
            b"application/protobuf" => Ok(ContentType::Protobuf),
            b"application/x-protobuf" => Ok(ContentType::XProtobuf),
            b"application/proto" => Ok(ContentType::Proto),
            b"application/json" => Err(unsupported("JSON is not supported here yet")),
            b"" => Err(unsupported("the request has no content-type")),
            other => Err(unsupported(&format!(
                "unexpected content-type {:?}",
                String::from_utf8_lossy(&other[..other.len().min(100)])
            ))),
        }
    }

    pub(crate) fn header(self) -> HeaderValue {
        match self {
            ContentType::Protobuf => PROTOBUF,
            ContentType::XProtobuf => HeaderValue::from_static("application/x-protobuf"),
            ContentType::Proto => HeaderValue::from_static("application/proto"),
        }
    }
}

fn unsupported(problem: &str) -> Error {
    Error::bad_route(format!("{problem}: send application/protobuf"))
}
