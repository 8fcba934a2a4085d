use std::borrow::Cow;

use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderValue};

use crate::codec::Codec;

/// A content type that is understood here, by the name that the caller gave it.
///
/// The answer repeats the name: Twirp's and gRPC's clients compare.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Media {
    /// `application/protobuf`, Twirp's name.
    Protobuf,
    /// `application/x-protobuf`, which older Twirp clients send.
    XProtobuf,
    /// `application/proto`, Connect's name.
    Proto,
    /// `application/json`, of Twirp and Connect.
    Json,
    /// `application/grpc`, which means protobuf.
    Grpc,
    /// `application/grpc+proto`.
    GrpcProto,
    /// `application/grpc+json`.
    GrpcJson,
}

impl Media {
    /// The type of a message; parameters such as a charset are passed over.
    pub(crate) fn of(headers: &HeaderMap) -> Option<Self> {
        headers.get(CONTENT_TYPE).and_then(Media::of_value)
    }

    pub(crate) fn of_value(value: &HeaderValue) -> Option<Self> {
        let value = value.as_bytes();
        match Media::named(value) {
            None => Media::named(&essence(value).to_ascii_lowercase()),
            known => known,
        }
    }

    fn named(name: &[u8]) -> Option<Self> {
        Some(match name {
            b"application/protobuf" => Media::Protobuf,
            b"application/grpc" => Media::Grpc,
            b"application/proto" => Media::Proto,
            b"application/json" => Media::Json,
            b"application/grpc+proto" => Media::GrpcProto,
            b"application/grpc+json" => Media::GrpcJson,
            b"application/x-protobuf" => Media::XProtobuf,
            _ => return None,
        })
    }

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Media::Protobuf => "application/protobuf",
            Media::XProtobuf => "application/x-protobuf",
            Media::Proto => "application/proto",
            Media::Json => "application/json",
            Media::Grpc => "application/grpc",
            Media::GrpcProto => "application/grpc+proto",
            Media::GrpcJson => "application/grpc+json",
        }
    }

    pub(crate) const fn header(self) -> HeaderValue {
        HeaderValue::from_static(self.name())
    }

    pub(crate) const fn codec(self) -> Codec {
        match self {
            Media::Json | Media::GrpcJson => Codec::Json,
            _ => Codec::Proto,
        }
    }
}

/// At most 100 bytes of the content type that a stranger sent, for a message.
pub(crate) fn shown(headers: &HeaderMap) -> Cow<'_, str> {
    let essence = essence(value(headers));
    String::from_utf8_lossy(&essence[..essence.len().min(100)])
}

/// Whether a gRPC peer speaks, whatever its messages are written in.
pub(crate) fn is_grpc(headers: &HeaderMap) -> bool {
    let rest = value(headers).strip_prefix(b"application/grpc");
    // `application/grpc-web` is another protocol.
    rest.is_some_and(|rest| matches!(rest.first(), None | Some(b'+' | b';' | b' ')))
}

fn value(headers: &HeaderMap) -> &[u8] {
    headers.get(CONTENT_TYPE).map_or(&b""[..], HeaderValue::as_bytes)
}

fn essence(value: &[u8]) -> &[u8] {
    value.split(|byte| *byte == b';').next().unwrap_or_default().trim_ascii()
}
