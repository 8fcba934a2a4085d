use std::borrow::Cow;

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
        match ContentType::parse(headers) {
            Ok(content_type) => Ok(content_type),
            Err(other) => Err(refusal(&other)),
        }
    }

    /// Checks the answer's content type: a proxy's page with status 200 must not be taken for an
    /// empty message.
    pub(crate) fn of_answer(headers: &HeaderMap) -> Result<Self> {
        ContentType::parse(headers).map_err(|other| {
            let other = shown(&other);
            Error::internal(format!("the answer's content-type is {other:?}, not protobuf"))
        })
    }

    /// The type, or what is there instead, in lower case.
    fn parse(headers: &HeaderMap) -> Result<Self, Vec<u8>> {
        let value = headers.get(CONTENT_TYPE).map_or(&b""[..], HeaderValue::as_bytes);
        if value == b"application/protobuf" {
            return Ok(ContentType::Protobuf);
        }
        let essence = value.split(|byte| *byte == b';').next().unwrap_or_default().trim_ascii();
        let essence = essence.to_ascii_lowercase();
        match essence.as_slice() {
            b"application/protobuf" => Ok(ContentType::Protobuf),
            b"application/x-protobuf" => Ok(ContentType::XProtobuf),
            b"application/proto" => Ok(ContentType::Proto),
            _ => Err(essence),
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

fn refusal(content_type: &[u8]) -> Error {
    let problem = match content_type {
        b"application/json" => "JSON is not supported here yet".to_owned(),
        b"" => "the request has no content-type".to_owned(),
        other => format!("unexpected content-type {:?}", shown(other)),
    };
    Error::bad_route(format!("{problem}: send application/protobuf"))
}

/// At most 100 bytes of what a stranger sent.
fn shown(content_type: &[u8]) -> Cow<'_, str> {
    String::from_utf8_lossy(&content_type[..content_type.len().min(100)])
}
