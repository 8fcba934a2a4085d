use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::response::Parts;
use http::{HeaderMap, HeaderValue, Response, StatusCode};
use mcsv_core::{Code, Deadline, Error, Result};
use tokio::time::Instant;

use super::fault::Fault;
use crate::codec::Codec;
use crate::coding::{self, Coding};
use crate::compress::{self, UnpackError};
use crate::media::{self, Media};
use crate::{Message, Protocol, RpcMethod, connect, grpc, timeout, twirp};

/// How a client writes its requests and reads the answers.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Wire {
    pub(crate) protocol: Protocol,
    pub(crate) codec: Codec,
    pub(crate) coding: Coding,
    /// The shortest request that is worth packing, in bytes.
    pub(crate) pack_from: usize,
}

impl Default for Wire {
    fn default() -> Self {
        Wire {
            protocol: Protocol::default(),
            codec: Codec::default(),
            coding: Coding::default(),
            pack_from: 1024,
        }
    }
}

/// The bytes of a request, framed and packed.
#[derive(Clone, Default)]
pub(crate) struct Packed {
    pub(crate) bytes: Bytes,
    coding: Coding,
}

/// All of an answer.
pub(crate) struct Received {
    pub(crate) parts: Parts,
    pub(crate) body: Bytes,
    pub(crate) trailers: Option<HeaderMap>,
}

impl Wire {
    fn media(self) -> Media {
        match (self.protocol, self.codec) {
            (Protocol::Twirp, Codec::Proto) => Media::Protobuf,
            (Protocol::Connect, Codec::Proto) => Media::Proto,
            (Protocol::Grpc, Codec::Proto) => Media::GrpcProto,
            (Protocol::Grpc, Codec::Json) => Media::GrpcJson,
            (Protocol::Twirp | Protocol::Connect, Codec::Json) => Media::Json,
        }
    }

    /// The bytes in front of a message.
    pub(crate) fn room(self) -> usize {
        match self.protocol {
            Protocol::Grpc => grpc::PREFIX,
            Protocol::Twirp | Protocol::Connect => 0,
        }
    }

    pub(crate) fn pack(self, request: &impl Message) -> Result<Packed> {
        let room = self.room();
        let mut bytes = self.codec.encode(request, room).map_err(|cause| {
            Error::invalid_argument(format!("the request can't be sent: {cause}"))
        })?;
        let worth = bytes.len() - room >= self.pack_from;
        let coding = if worth { self.coding } else { Coding::Identity };
        bytes = compress::pack(coding, bytes, room)?;
        if self.protocol == Protocol::Grpc {
            grpc::seal(&mut bytes, u8::from(coding != Coding::Identity))?;
        }
        Ok(Packed { bytes: bytes.into(), coding })
    }

    /// Writes what the protocol wants to be told of a request.
    pub(crate) fn write_headers(
        self,
        headers: &mut HeaderMap,
        coding: Coding,
        deadline: Option<Deadline>,
    ) {
        headers.insert(CONTENT_TYPE, self.media().header());
        coding::write(self.protocol, coding, headers);
        if self.coding != Coding::Identity {
            let asked = HeaderValue::from_static(self.coding.asked());
            headers.insert(coding::accept_name(self.protocol), asked);
        }
        match self.protocol {
            Protocol::Twirp => {}
            Protocol::Connect => {
                headers.insert(connect::VERSION, connect::VERSION_1);
            }
            Protocol::Grpc => {
                headers.insert(http::header::TE, HeaderValue::from_static("trailers"));
            }
        }
        if let Some(deadline) = deadline {
            let remaining = deadline.remaining(Instant::now().into_std());
            let (name, value) = timeout::header(self.protocol, remaining);
            headers.insert(name, value);
        }
    }

    /// The message in an answer, or its error.
    pub(crate) fn read<Resp: Message>(
        self,
        method: &RpcMethod,
        limit: usize,
        received: Received,
    ) -> Result<Response<Resp>> {
        self.message(method, limit, received).map_err(Fault::into_error)
    }

    fn message<Resp: Message>(
        self,
        method: &RpcMethod,
        limit: usize,
        received: Received,
    ) -> Result<Response<Resp>, Fault> {
        let Received { parts, mut body, trailers } = received;
        let mut coding = Coding::of(self.protocol, &parts.headers).map_err(unreadable)?;
        if self.protocol == Protocol::Grpc {
            let packed;
            (packed, body) = self.read_grpc(&parts, body, trailers.as_ref())?;
            coding = match packed {
                true if coding == Coding::Identity => {
                    let problem = "the answer is compressed, and no grpc-encoding says how";
                    return Err(Error::internal(problem).into());
                }
                true => coding,
                false => Coding::Identity,
            };
        }
        body = compress::unpack(coding, body, limit).map_err(|e| unpacked(e, coding, limit))?;
        match (self.protocol, parts.status) {
            (Protocol::Grpc, _) => {}
            (_, StatusCode::OK) => self.check_type(&parts.headers)?,
            (Protocol::Connect, _) => return Err(connect::read_error(&parts, &body)),
            (Protocol::Twirp, _) => return Err(twirp::read_error(&parts, &body)),
        }
        let message = self.codec.decode(body).map_err(|cause| {
            let name = method.full_name();
            let message = format!("the answer to {name} is no message of its type");
            Error::internal(message).with_source(cause)
        })?;
        Ok(Response::from_parts(parts, message))
    }

    /// The message of a call that went well.
    fn read_grpc(
        self,
        parts: &Parts,
        body: Bytes,
        trailers: Option<&HeaderMap>,
    ) -> Result<(bool, Bytes), Fault> {
        if parts.status != StatusCode::OK && !grpc::is_in(&parts.headers) {
            return Err(grpc::of_status(parts).into());
        }
        if !media::is_grpc(&parts.headers) {
            return Err(self.wrong_type(&parts.headers).into());
        }
        match trailers {
            Some(trailers) => grpc::read(trailers)?,
            // An answer without a message has all of its trailers in the headers.
            None if body.is_empty() => grpc::read(&parts.headers)?,
            None => grpc::read(&HeaderMap::new())?,
        }
        Ok(grpc::open(body)?)
    }

    /// A proxy's page with status 200 must not be taken for an empty message.
    fn check_type(self, headers: &HeaderMap) -> Result<()> {
        match Media::of(headers) {
            Some(media) if media.codec() == self.codec => Ok(()),
            _ => Err(self.wrong_type(headers)),
        }
    }

    fn wrong_type(self, headers: &HeaderMap) -> Error {
        let (other, sent) = (media::shown(headers), self.media().name());
        let problem = format!("the answer's content-type is {other:?}, not {sent}");
        match (self.protocol, Media::of(headers)) {
            // What both specifications say of an answer from something else.
            (Protocol::Connect | Protocol::Grpc, None) => Error::unknown(problem),
            _ => Error::internal(problem),
        }
    }
}

impl Packed {
    pub(crate) fn coding(&self) -> Coding {
        self.coding
    }
}

/// A coding that was not asked for is the server's fault, whatever it is called in a request.
fn unreadable(error: Error) -> Error {
    Error::new(Code::Internal, format!("the answer can't be read: {}", error.message()))
}

fn unpacked(error: UnpackError, coding: Coding, limit: usize) -> Error {
    match error {
        UnpackError::TooLarge => Error::resource_exhausted(format!(
            "the answer is larger than the limit of {limit} bytes when it is unpacked"
        )),
        UnpackError::Broken(cause) => {
            Error::internal(format!("the answer is not whole {coding}")).with_source(cause)
        }
    }
}
