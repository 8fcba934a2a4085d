use http::header::{CONNECTION, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, TRANSFER_ENCODING};
use http::{HeaderMap, Response};
use mcsv_core::{Error, Result};

use crate::dialect::{Dialect, Packed};
use crate::observe::Observed;
use crate::rpc_layer::{KeptHeaders, Reply};
use crate::{Body, Cx, Protocol, trailers};

/// What goes back: the handler's headers, and a message or an error.
pub(crate) struct Answer {
    headers: Headers,
    outcome: Result<Packed>,
}

/// Where the headers of an answer are.
enum Headers {
    None,
    /// In the context that the handler had, which is one pointer to move.
    Of(Cx),
    Own(Box<HeaderMap>),
}

impl Answer {
    pub(crate) fn of(cx: Cx, outcome: Result<Packed>) -> Self {
        Answer { headers: Headers::Of(cx), outcome }
    }

    /// The answer of a call whose handler was not asked or did not end.
    pub(crate) fn refused(error: Error) -> Self {
        Answer { headers: Headers::None, outcome: Err(error) }
    }

    /// What the layers around the handler get; the headers beside an error are kept for the end.
    pub(crate) fn into_reply(self, kept: &KeptHeaders) -> Result<Reply> {
        let headers = self.headers.take().unwrap_or_default();
        match self.outcome {
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
        let outcome = reply.map(|Reply { headers, packed }| {
            all.extend(headers);
            packed
        });
        Answer { headers: Headers::Own(Box::new(all)), outcome }
    }

    /// The response, once the outcome has been `observed`.
    pub(crate) fn into_response(self, dialect: Dialect, observed: &mut Observed) -> Response<Body> {
        let mut response = match self.outcome {
            Ok(packed) => {
                let response = dialect.answer(packed);
                observed.answered(None, response.status());
                response
            }
            Err(error) => {
                let response = dialect.refusal(&error);
                observed.answered(Some(&error), response.status());
                response
            }
        };
        if let Some(headers) = self.headers.take().filter(|headers| !headers.is_empty()) {
            add_metadata(dialect.protocol, without_framing(headers), &mut response);
        }
        response
    }
}

impl Headers {
    fn take(self) -> Option<HeaderMap> {
        match self {
            Headers::None => None,
            Headers::Of(mut cx) => cx.take_response_headers(),
            Headers::Own(headers) => Some(*headers),
        }
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
