use http::header::{CONNECTION, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, TRANSFER_ENCODING};
use http::{HeaderMap, Response};
use mcsv_core::{Error, Result};

use crate::dialect::{Dialect, Packed};
use crate::rpc_layer::{KeptHeaders, Reply};
use crate::{Body, Cx, Protocol, trailers};

/// What goes back: the handler's headers, and a message or an error.
pub(crate) struct Answer {
    headers: HeaderMap,
    outcome: Result<Packed>,
}

impl Answer {
    pub(crate) fn of(cx: Cx, outcome: Result<Packed>) -> Self {
        Answer { headers: cx.into_response_headers(), outcome }
    }

    /// The answer of a call whose handler was not asked or did not end.
    pub(crate) fn refused(error: Error) -> Self {
        Answer { headers: HeaderMap::new(), outcome: Err(error) }
    }

    /// What the layers around the handler get; the headers beside an error are kept for the end.
    pub(crate) fn into_reply(self, kept: &KeptHeaders) -> Result<Reply> {
        let Answer { headers, outcome } = self;
        match outcome {
            Ok(packed) => Ok(Reply { headers, packed }),
            Err(error) => {
                kept.add(headers);
                Err(error)
            }
        }
    }

    /// What the layers have made of it, with what was kept.
    pub(crate) fn of_reply(reply: Result<Reply>, kept: &KeptHeaders) -> Self {
        let mut all = kept.take();
        match reply {
            Ok(Reply { headers, packed }) => {
                all.extend(headers);
                Answer { headers: all, outcome: Ok(packed) }
            }
            Err(error) => Answer { headers: all, outcome: Err(error) },
        }
    }

    /// The response, and the error in it for those who look on.
    pub(crate) fn into_response(self, dialect: Dialect) -> (Response<Body>, Result<()>) {
        let Answer { headers, outcome } = self;
        let (mut response, outcome) = match outcome {
            Ok(packed) => (dialect.answer(packed), Ok(())),
            Err(error) => (dialect.refusal(&error), Err(error)),
        };
        if !headers.is_empty() {
            add_metadata(dialect.protocol, without_framing(headers), &mut response);
        }
        (response, outcome)
    }
}

/// Adds what the handler has set, where the protocol has its place.
fn add_metadata(protocol: Protocol, mut headers: HeaderMap, response: &mut Response<Body>) {
    let trailers = match protocol {
        // They have their names on the wire already.
        Protocol::Connect => HeaderMap::new(),
        Protocol::Twirp | Protocol::Grpc => trailers::take(&mut headers),
    };
    response.headers_mut().extend(headers);
    if protocol == Protocol::Grpc && !trailers.is_empty() {
        let trailers = response.body_mut().add_grpc_trailers(without_framing(trailers));
        // An answer without a message has all of its trailers in the headers.
        response.headers_mut().extend(trailers);
    }
}

/// A handler's headers without those that the protocol owns.
fn without_framing(mut headers: HeaderMap) -> HeaderMap {
    let framing = [CONTENT_TYPE, CONTENT_LENGTH, CONTENT_ENCODING, TRANSFER_ENCODING, CONNECTION];
    for name in framing {
        headers.remove(name);
    }
    let reserved: Vec<_> =
        headers.keys().filter(|name| name.as_str().starts_with("grpc-")).cloned().collect();
    for name in reserved {
        headers.remove(name);
    }
    headers
}
