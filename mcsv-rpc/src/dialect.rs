use http::Response;
use http::header::{CONTENT_TYPE, VARY};
use http::request::Parts;
use http::{HeaderMap, HeaderValue};
use mcsv_core::{Code, Error, Result};

use crate::coding::{self, Coding};
use crate::media::Media;
use crate::undisclosed::Undisclosed;
use crate::{Body, Protocol, connect, grpc, media, twirp};

/// How one request is to be read and its answer to be written.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Dialect {
    pub(crate) protocol: Protocol,
    pub(crate) media: Media,
    pub(crate) verb: Verb,
    /// Whether the caller may be a Connect client that has not said so.
    pub(crate) or_connect: bool,
}

/// Where the message of a request is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verb {
    /// In the body, packed as the headers say.
    Post,
    /// In the query, which says how it is packed.
    Get(Coding),
}

impl Dialect {
    pub(crate) fn post(protocol: Protocol, media: Media) -> Self {
        Dialect { protocol, media, verb: Verb::Post, or_connect: false }
    }

    /// Errors of Twirp, to be read by Connect clients too where `or_connect` says that one may ask.
    pub(crate) fn or_connect(self, or_connect: bool) -> Self {
        Dialect { or_connect, ..self }
    }

    /// The dialect that an error is best told in, of a request that reaches no method.
    pub(crate) fn of_stray(parts: &Parts) -> Self {
        let headers = &parts.headers;
        let known = Media::of(headers);
        let query = parts.uri.query().unwrap_or_default();
        let (protocol, media) = match known {
            _ if media::is_grpc(headers) => (Protocol::Grpc, known.unwrap_or(Media::Grpc)),
            Some(Media::Proto) => (Protocol::Connect, Media::Proto),
            _ if headers.contains_key(connect::VERSION) || connect::is_connect(query) => {
                (Protocol::Connect, Media::Json)
            }
            _ => (Protocol::Twirp, Media::Protobuf),
        };
        Dialect::post(protocol, media)
    }

    /// The bytes to be left free in front of a message.
    pub(crate) fn room(self) -> usize {
        match self.protocol {
            Protocol::Grpc => grpc::PREFIX,
            Protocol::Twirp | Protocol::Connect => 0,
        }
    }

    /// How the request's message is packed.
    pub(crate) fn packed(self, headers: &HeaderMap) -> Result<Coding> {
        match self.verb {
            Verb::Post => Coding::of(self.protocol, headers),
            Verb::Get(coding) => Ok(coding),
        }
    }

    /// The answer with a message, ready to be sent.
    pub(crate) fn answer(self, packed: Packed) -> Response<Body> {
        let body = match self.protocol {
            Protocol::Grpc => Body::grpc(packed.bytes.into()),
            Protocol::Twirp | Protocol::Connect => Body::from(packed.bytes),
        };
        let mut response = Response::new(body);
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, self.media.header());
        coding::write(self.protocol, packed.coding, headers);
        if self.verb != Verb::Post {
            // A cache must not hand packed bytes to a client that can't read them.
            headers.insert(VARY, HeaderValue::from_static("accept-encoding"));
        }
        response
    }

    /// The answer with an error, without what a client within this process says of its servers.
    pub(crate) fn refusal(self, error: &Error) -> Response<Body> {
        let outward = Undisclosed::outward(error);
        let error = outward.as_ref().unwrap_or(error);
        let mut response = match self.protocol {
            Protocol::Twirp if self.or_connect => return connect::response_of_either(error),
            Protocol::Twirp => return twirp::error_response(error),
            Protocol::Connect => connect::response(error),
            Protocol::Grpc => {
                let mut response = Response::new(Body::empty());
                response.headers_mut().insert(CONTENT_TYPE, self.media.header());
                grpc::write_error(response.headers_mut(), error);
                response
            }
        };
        if error.code() == Code::Unimplemented {
            // What was unknown may have been a coding, and both protocols want the known ones named.
            let name = coding::accept_name(self.protocol);
            response.headers_mut().insert(name, coding::KNOWN);
        }
        response
    }
}

/// The bytes of a message as they are sent.
pub(crate) struct Packed {
    pub(crate) bytes: Vec<u8>,
    pub(crate) coding: Coding,
}

/// The answer for `error` in the protocol that `request` speaks.
///
/// For layers that refuse a request before it reaches a handler: a gRPC client gets trailers, a
/// Connect client Connect's JSON, and everyone else Twirp's.
///
/// ```
/// # fn refuse(request: &http::request::Parts) -> http::Response<mcsv_rpc::Body> {
/// mcsv_rpc::error_response_to(request, &mcsv_rpc::Error::unauthenticated("who are you?"))
/// # }
/// ```
#[must_use]
pub fn error_response_to(request: &Parts, error: &Error) -> Response<Body> {
    Dialect::of_stray(request).refusal(error)
}
