use std::fmt;
use std::sync::{Mutex, PoisonError};

use http::{HeaderMap, Response};
use mcsv_core::Result;

use super::wire::Received;
use crate::{Protocol, trailers};

/// How a call ended, with the metadata that the server sent: what
/// [`Call::into_outcome`](crate::Call::into_outcome) gives.
pub struct Outcome<Resp> {
    head: Head,
    result: Result<Resp>,
}

impl<Resp> Outcome<Resp> {
    pub(crate) fn new(head: &KeptHead, result: Result<Response<Resp>>) -> Self {
        Outcome { head: head.take(), result: result.map(Response::into_body) }
    }

    /// The message or the error.
    pub fn result(&self) -> Result<&Resp, &mcsv_core::Error> {
        self.result.as_ref()
    }

    /// The headers of the answer; none where there was no answer.
    #[must_use]
    pub fn headers(&self) -> &HeaderMap {
        &self.head.headers
    }

    /// What followed the message: gRPC's trailers, or Connect's headers `trailer-{name}` under their
    /// own names. Twirp has none, and an error of gRPC may have all of its metadata in the headers.
    #[must_use]
    pub fn trailers(&self) -> &HeaderMap {
        &self.head.trailers
    }

    /// The message or the error, by value.
    ///
    /// # Errors
    ///
    /// Those of the call; see [`Call::into_response`](crate::Call::into_response).
    pub fn into_result(self) -> Result<Resp> {
        self.result
    }
}

/// Shows no header's value: one of them may be a token.
impl<Resp: fmt::Debug> fmt::Debug for Outcome<Resp> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Outcome")
            .field("result", &self.result)
            .field("headers", &self.head.headers.keys())
            .field("trailers", &self.head.trailers.keys())
            .finish()
    }
}

/// The metadata of the last answer to a call, for whoever asks for it: most callers do not.
#[derive(Default)]
pub(crate) struct KeptHead(Mutex<Head>);

#[derive(Default)]
struct Head {
    headers: HeaderMap,
    trailers: HeaderMap,
}

impl KeptHead {
    pub(crate) fn keep(&self, protocol: Protocol, received: &Received) {
        let mut headers = received.parts.headers.clone();
        let trailers = match protocol {
            Protocol::Grpc => received.trailers.clone().unwrap_or_default(),
            Protocol::Connect => trailers::take(&mut headers),
            Protocol::Twirp => HeaderMap::new(),
        };
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Head { headers, trailers };
    }

    fn take(&self) -> Head {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
