use std::fmt;
use std::future::Future;
use std::net::SocketAddr;
use std::pin::pin;

use bytes::Bytes;
use http::header::{
    CONNECTION, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, EXPECT, TRANSFER_ENCODING,
};
use http::request::Parts;
use http::{HeaderMap, Response};
use mcsv_core::{Error, Result, TraceContext};
use prost::Message;

use super::guard::guard;
use super::service::ServiceFuture;
use crate::observe::{Observed, Side};
use crate::read::{Bounds, ReadError, discard, read};
use crate::twirp::{ContentType, error_response};
use crate::within::Within;
use crate::{Body, Cx, RpcMethod, timeout, trace_headers};

/// One request on its way to its handler.
pub struct IncomingCall {
    pub(crate) method: &'static RpcMethod,
    pub(crate) parts: Parts,
    pub(crate) body: Body,
    pub(crate) bounds: Bounds,
    pub(crate) peer: Option<SocketAddr>,
}

impl IncomingCall {
    /// Reads the message, runs `handler` under the call's deadline, trace and span, and makes the
    /// answer. A panic of the handler is answered too, as `internal`.
    pub fn unary<Req, Resp, H, F>(self, handler: H) -> impl Future<Output = Response<Body>>
    where
        Req: Message + Default,
        Resp: Message,
        H: FnOnce(Cx, Req) -> F,
        F: Future<Output = (Cx, Result<Resp>)>,
    {
        let IncomingCall { method, parts, body, bounds, peer } = self;
        let remote = trace_headers::read(&parts.headers);
        let observed = Observed::new(Side::Server, method, remote.as_ref());
        let admitted = admit(method, parts, peer, observed.trace().clone());
        // What comes before this block is not part of the future, which is boxed for each call.
        async move {
            let answer = match admitted {
                Err(error) => Answer::refused(error),
                Ok((cx, content_type)) => {
                    let deadline = cx.deadline();
                    let work = answer(cx, content_type, body, bounds, handler);
                    // Pinned here, once: an async fn that takes it by value would hold it twice.
                    let work = pin!(Within::exactly(deadline, observed.around(work)));
                    guard(work, deadline).await
                }
            };
            observed.finish(&answer.outcome);
            answer.into_response()
        }
    }

    /// The answer where a service is asked for a method that it does not list.
    pub fn unknown_method(self) -> ServiceFuture {
        let error = Error::bad_route(format!("no method {}", self.method.full_name()));
        Box::pin(std::future::ready(error_response(&error)))
    }
}

impl fmt::Debug for IncomingCall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("IncomingCall")
            .field("method", &self.method.full_name())
            .finish_non_exhaustive()
    }
}

/// Checks what can be checked before the body is read.
fn admit(
    method: &'static RpcMethod,
    parts: Parts,
    peer: Option<SocketAddr>,
    trace: TraceContext,
) -> Result<(Cx, ContentType)> {
    let content_type = ContentType::of_request(&parts.headers)?;
    refuse_compression(&parts.headers)?;
    let deadline = timeout::requested(&parts.headers, || tokio::time::Instant::now().into_std())?;
    let mut cx = Cx::of_request(method, parts.headers, parts.extensions, trace);
    cx.set_deadline(deadline);
    cx.set_peer(peer);
    Ok((cx, content_type))
}

/// Compressed bytes are no message, and "malformed" would not tell the caller why.
fn refuse_compression(headers: &HeaderMap) -> Result<()> {
    match headers.get(CONTENT_ENCODING) {
        Some(coding) if coding != "identity" => Err(Error::unimplemented(
            "compressed requests are not supported: send no content-encoding",
        )),
        _ => Ok(()),
    }
}

async fn answer<Req, Resp, H, F>(
    cx: Cx,
    content_type: ContentType,
    mut body: Body,
    bounds: Bounds,
    handler: H,
) -> Answer
where
    Req: Message + Default,
    Resp: Message,
    H: FnOnce(Cx, Req) -> F,
    F: Future<Output = (Cx, Result<Resp>)>,
{
    let bytes = match read(&mut body, bounds).await {
        Ok(bytes) => bytes,
        // In a box, so that the calls that go well do not carry its size.
        Err(error) => return Box::pin(unread(error, cx, body, bounds)).await,
    };
    let request = match decode(bytes, cx.method()) {
        Ok(request) => request,
        Err(error) => return Answer::refused(error),
    };
    let (cx, result) = handler(cx, request).await;
    Answer {
        headers: cx.into_response_headers(),
        outcome: result.map(|message| (content_type, message.encode_to_vec().into())),
    }
}

fn decode<Req: Message + Default>(body: Bytes, method: &RpcMethod) -> Result<Req> {
    Req::decode(body).map_err(|cause| {
        let message = format!("the body is no protobuf message {}", method.request());
        Error::malformed(message).with_source(cause)
    })
}

async fn unread(error: ReadError, cx: Cx, mut body: Body, bounds: Bounds) -> Answer {
    Answer::refused(match error {
        ReadError::TooLarge { limit } => {
            // A client that asked first has sent nothing and must not be told to go on.
            if !cx.headers().contains_key(EXPECT) {
                discard(&mut body).await;
            }
            let message = format!("the request body is larger than the limit of {limit} bytes");
            Error::resource_exhausted(message).with_meta("limit", limit)
        }
        ReadError::Stalled => {
            let idle = bounds.idle.unwrap_or_default();
            let message = format!("the request body stalled: send it without a pause of {idle:?}");
            Error::deadline_exceeded(message)
        }
        ReadError::Broken(cause) => {
            Error::canceled("the request body broke off").with_source(cause)
        }
    })
}

/// What goes back: the handler's headers, and a message or an error.
pub(crate) struct Answer {
    headers: HeaderMap,
    outcome: Result<(ContentType, Bytes)>,
}

impl Answer {
    pub(crate) fn refused(error: Error) -> Self {
        Answer { headers: HeaderMap::new(), outcome: Err(error) }
    }

    fn into_response(self) -> Response<Body> {
        let Answer { mut headers, outcome } = self;
        let mut response = match outcome {
            Ok((content_type, message)) => {
                let mut response = Response::new(Body::from(message));
                response.headers_mut().insert(CONTENT_TYPE, content_type.header());
                response
            }
            Err(error) => error_response(&error),
        };
        if !headers.is_empty() {
            for framing in [CONTENT_TYPE, CONTENT_LENGTH, TRANSFER_ENCODING, CONNECTION] {
                headers.remove(framing);
            }
            response.headers_mut().extend(headers);
        }
        response
    }
}
