use std::fmt;

use bytes::Bytes;

use crate::Message;
use crate::json::{JsonError, from_json, to_json};

/// How a message becomes bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Codec {
    #[default]
    Proto,
    Json,
}

impl Codec {
    /// The message, after `room` bytes that are left to the caller.
    pub(crate) fn encode<M: Message>(
        self,
        message: &M,
        room: usize,
    ) -> Result<Vec<u8>, CodecError> {
        let mut bytes = Vec::new();
        match self {
            Codec::Proto => {
                bytes.reserve_exact(room + message.encoded_len());
                bytes.resize(room, 0);
                // A Vec grows, so the encoding has no way to fail.
                message.encode_raw(&mut bytes);
            }
            Codec::Json => {
                let json = to_json(message).map_err(CodecError::Json)?;
                if room == 0 {
                    return Ok(json);
                }
                bytes.resize(room, 0);
                bytes.extend_from_slice(&json);
            }
        }
        Ok(bytes)
    }

    pub(crate) fn decode<M: Message>(self, bytes: Bytes) -> Result<M, CodecError> {
        match self {
            Codec::Proto => M::decode(bytes).map_err(CodecError::Proto),
            Codec::Json => from_json(&bytes).map_err(CodecError::Json),
        }
    }
}

impl fmt::Display for Codec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Codec::Proto => "protobuf",
            Codec::Json => "JSON",
        })
    }
}

/// Bytes that are no message, or a message that has no bytes.
#[derive(Debug)]
pub(crate) enum CodecError {
    Proto(prost::DecodeError),
    Json(JsonError),
}

impl fmt::Display for CodecError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            CodecError::Proto(cause) => write!(f, "{cause}"),
            CodecError::Json(cause) => write!(f, "{cause}"),
        }
    }
}

impl std::error::Error for CodecError {}
