use bytes::Bytes;
use http::HeaderMap;
use mcsv_core::{Deadline, Error, Result};

use crate::carried::Carried;
use crate::codec::CodecError;
use crate::coding::Coding;
use crate::compress::{self, UnpackError};
use crate::dialect::{Dialect, Packed, Verb};
use crate::{Message, Protocol, RpcMethod, connect, grpc, timeout};

/// How the messages of one call are packed.
#[derive(Clone, Copy)]
pub(super) struct Packing {
    pub(super) dialect: Dialect,
    request: Coding,
    answer: Coding,
    /// The shortest answer that is worth packing, in bytes.
    compress_from: usize,
}

impl Packing {
    /// What the headers say of the messages, and of the time.
    pub(super) fn wanted(
        dialect: Dialect,
        compress_from: usize,
        headers: &HeaderMap,
        carried: &Carried<'_>,
    ) -> Result<(Self, Option<Deadline>)> {
        if dialect.protocol == Protocol::Connect {
            connect::check_version(headers)?;
        }
        let request = match dialect.verb {
            Verb::Post if !carried.coding => Coding::Identity,
            _ => dialect.packed(headers)?,
        };
        let answer = match dialect.protocol {
            _ if !carried.accept => Coding::Identity,
            // Every gRPC client says that it accepts gzip: only one that uses it wants it.
            Protocol::Grpc => request.if_accepted(Protocol::Grpc, headers),
            protocol => Coding::preferred(protocol, headers),
        };
        let packing = Packing { dialect, request, answer, compress_from };
        let now = || tokio::time::Instant::now().into_std();
        let deadline = timeout::requested(carried, now)?;
        Ok((packing, deadline))
    }

    /// The message in a body of at most `limit` bytes, without framing and compression.
    pub(super) fn open<Req: Message>(
        self,
        body: Bytes,
        limit: usize,
        method: &RpcMethod,
    ) -> Result<Req> {
        let bytes = self.unpack(body, limit)?;
        let codec = self.dialect.media.codec();
        codec.decode(bytes).map_err(|cause| {
            let mut message = format!("the body is no {codec} message {}", method.request());
            if let CodecError::Json(cause) = &cause {
                // It names the field and the place, never a value, so the caller may see it.
                message.push_str(&format!(": {cause}"));
            }
            Error::malformed(message).with_source(cause)
        })
    }

    fn unpack(self, mut bytes: Bytes, limit: usize) -> Result<Bytes> {
        let mut coding = self.request;
        if self.dialect.protocol == Protocol::Grpc {
            let packed;
            (packed, bytes) = grpc::open(bytes)?;
            if packed && coding == Coding::Identity {
                let problem = "a message is compressed, and no grpc-encoding says how";
                return Err(Error::internal(problem));
            }
            coding = if packed { coding } else { Coding::Identity };
        }
        if coding == Coding::Identity {
            return Ok(bytes);
        }
        compress::unpack(coding, bytes, limit).map_err(|error| match error {
            UnpackError::TooLarge => too_large(limit),
            UnpackError::Broken(cause) => {
                Error::malformed(format!("the request is not whole {coding}")).with_source(cause)
            }
        })
    }

    /// The bytes of an answer.
    pub(super) fn close<Resp: Message>(self, message: &Resp) -> Result<Packed> {
        let Packing { dialect, answer, compress_from, .. } = self;
        let room = dialect.room();
        let codec = dialect.media.codec();
        let mut bytes = codec.encode(message, room).map_err(|cause| {
            Error::internal(format!("the answer has no form in {codec}")).with_source(cause)
        })?;
        let worth = answer != Coding::Identity && bytes.len() - room >= compress_from;
        let coding = if worth { answer } else { Coding::Identity };
        if worth {
            bytes = compress::pack(coding, bytes, room)?;
        }
        if dialect.protocol == Protocol::Grpc {
            grpc::seal(&mut bytes, u8::from(coding != Coding::Identity))?;
        }
        Ok(Packed { bytes, coding })
    }
}

pub(super) fn too_large(limit: usize) -> Error {
    let message = format!("the request body is larger than the limit of {limit} bytes");
    Error::resource_exhausted(message)
}
