use std::fmt;
use std::future::Future;
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use http::request::Parts;
use http::{HeaderMap, Response};
use mcsv_core::{Deadline, Error, Result, TraceContext};
use tokio::sync::OwnedSemaphorePermit;

use super::answer::Answer;
use super::guard::guard;
use super::service::ServiceFuture;
use crate::carried::Carried;
use crate::codec::CodecError;
use crate::coding::Coding;
use crate::compress::{self, UnpackError};
use crate::dialect::{Dialect, Packed, Verb};
use crate::observe::Observed;
use crate::read::{Bounds, ReadError, discard, expects, read, unwanted};
use crate::rpc_layer::{Layers, Next};
use crate::within::Within;
use crate::{Body, Cx, Message, Protocol, RpcMethod, connect, grpc, timeout, trace_headers};

/// One request on its way to its handler.
pub struct IncomingCall {
    pub(crate) method: &'static RpcMethod,
    pub(crate) dialect: Dialect,
    pub(crate) parts: Parts,
    pub(crate) body: Body,
    pub(crate) bounds: Bounds,
    /// The shortest answer that is worth packing, in bytes.
    pub(crate) compress_from: usize,
    pub(crate) peer: Option<SocketAddr>,
    pub(crate) layers: Layers,
    /// The place that the call takes among those in flight, where they are counted.
    pub(crate) place: Option<OwnedSemaphorePermit>,
}

impl IncomingCall {
    /// Reads the message, runs `handler` under the call's deadline, trace and span, and makes the
    /// answer. A panic of the handler is answered too, as `internal`.
    pub fn unary<Req, Resp, H, F>(self, handler: H) -> impl Future<Output = Response<Body>>
    where
        Req: Message + 'static,
        Resp: Message + 'static,
        H: FnOnce(Cx, Req) -> F + Send + 'static,
        F: Future<Output = (Cx, Result<Resp>)> + Send + 'static,
    {
        let IncomingCall {
            method,
            dialect,
            parts,
            body,
            bounds,
            compress_from,
            peer,
            layers,
            place,
        } = self;
        let carried = Carried::by(&parts.headers);
        let remote = if carried.trace { trace_headers::read(&parts.headers) } else { None };
        let observed = Observed::server(dialect.protocol, method, &parts, peer, remote.as_ref());
        let admitted = admit(method, dialect, parts, carried, peer, observed.trace().clone());
        // What comes before this block is not part of the future, which is boxed for each call.
        async move {
            let _place = place;
            let answer = match admitted {
                Err((error, expects)) => Box::pin(refuse(error, expects, body)).await,
                Ok((cx, packing)) if !layers.is_empty() => {
                    let deadline = cx.deadline();
                    let packing = Packing { compress_from, ..packing };
                    let work = layered(layers, cx, packing, body, bounds, handler);
                    let work = pin!(Within::exactly(deadline, observed.around(work)));
                    guard(work, deadline).await
                }
                Ok((cx, packing)) => {
                    let deadline = cx.deadline();
                    let packing = Packing { compress_from, ..packing };
                    // Pinned first: what goes around it would move and hold it once more each.
                    let work = pin!(answer(cx, packing, body, bounds, handler));
                    let work = pin!(Within::exactly(deadline, observed.around(work)));
                    guard(work, deadline).await
                }
            };
            let (response, outcome) = answer.into_response(dialect);
            observed.answered(&outcome, response.status());
            response
        }
    }

    /// The answer where a service is asked for a method that it does not list.
    pub fn unknown_method(self) -> ServiceFuture {
        let error = Error::bad_route(format!("no method {}", self.method.full_name()));
        Box::pin(std::future::ready(self.dialect.refusal(&error)))
    }
}

impl fmt::Debug for IncomingCall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("IncomingCall")
            .field("method", &self.method.full_name())
            .finish_non_exhaustive()
    }
}

/// How the messages of one call are packed.
#[derive(Clone, Copy)]
struct Packing {
    dialect: Dialect,
    request: Coding,
    answer: Coding,
    compress_from: usize,
}

/// Checks what can be checked before the body is read.
fn admit(
    method: &'static RpcMethod,
    dialect: Dialect,
    parts: Parts,
    carried: Carried,
    peer: Option<SocketAddr>,
    trace: TraceContext,
) -> Result<(Cx, Packing), (Error, bool)> {
    let (packing, deadline) = match wanted(dialect, &parts.headers, carried) {
        Ok(wanted) => wanted,
        Err(error) => return Err((error, expects(&parts.headers))),
    };
    let protocol = dialect.protocol;
    let mut cx = Cx::of_request(method, protocol, parts.headers, parts.extensions, trace);
    cx.set_deadline(deadline);
    cx.set_peer(peer);
    Ok((cx, packing))
}

/// What the headers say of the messages and of the time.
fn wanted(
    dialect: Dialect,
    headers: &HeaderMap,
    carried: Carried,
) -> Result<(Packing, Option<Deadline>)> {
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
    let packing = Packing { dialect, request, answer, compress_from: 0 };
    let deadline = match carried.timeout {
        true => timeout::requested(headers, || tokio::time::Instant::now().into_std())?,
        false => None,
    };
    Ok((packing, deadline))
}

async fn refuse(error: Error, expects: bool, body: Body) -> Answer {
    if let Some(mut body) = unwanted(expects, body) {
        discard(&mut body).await;
    }
    Answer::refused(error)
}

/// [`answer`] within layers, all of it in a box: a call without any carries none of this.
fn layered<Req, Resp, H, F>(
    layers: Layers,
    mut cx: Cx,
    packing: Packing,
    body: Body,
    bounds: Bounds,
    handler: H,
) -> Pin<Box<dyn Future<Output = Answer> + Send>>
where
    Req: Message + 'static,
    Resp: Message + 'static,
    H: FnOnce(Cx, Req) -> F + Send + 'static,
    F: Future<Output = (Cx, Result<Resp>)> + Send + 'static,
{
    let (kept, outer) = (cx.keep_response_headers(), cx.deadline());
    let within = kept.clone();
    let expects = expects(cx.headers());
    // A layer that refuses leaves it behind.
    let unread = Arc::new(Mutex::new(Some(body)));
    let left = unread.clone();
    let next = Next::new(layers, move |cx: Cx| async move {
        let body = take(&unread).unwrap_or_default();
        let deadline = cx.deadline();
        let work = answer(cx, packing, body, bounds, handler);
        // What was not shortened is bounded already, around all layers.
        let answer = match deadline == outer {
            true => work.await,
            false => guard(pin!(Within::exactly(deadline, work)), deadline).await,
        };
        answer.into_reply(&within)
    });
    Box::pin(async move {
        let reply = next.run(cx).await;
        let refused = take(&left).and_then(|body| unwanted(expects, body));
        if let Some(mut body) = refused {
            discard(&mut body).await;
        }
        Answer::of_reply(reply, &kept)
    })
}

fn take(body: &Mutex<Option<Body>>) -> Option<Body> {
    body.lock().unwrap_or_else(PoisonError::into_inner).take()
}

async fn answer<Req, Resp, H, F>(
    cx: Cx,
    packing: Packing,
    mut body: Body,
    mut bounds: Bounds,
    handler: H,
) -> Answer
where
    Req: Message,
    Resp: Message,
    H: FnOnce(Cx, Req) -> F,
    F: Future<Output = (Cx, Result<Resp>)>,
{
    let limit = bounds.limit;
    bounds.limit = limit.saturating_add(packing.dialect.room());
    let bytes = match read(&mut body, bounds).await {
        Ok(bytes) => bytes,
        // In a box, so that the calls that go well do not carry its size.
        Err(error) => return Box::pin(unread(error, cx, body, bounds, limit)).await,
    };
    let request = match unpack(bytes, packing, limit).and_then(|b| decode(b, packing, cx.method()))
    {
        Ok(request) => request,
        Err(error) => return Answer::refused(error),
    };
    let (cx, result) = handler(cx, request).await;
    let outcome = result.and_then(|message| pack(&message, packing));
    Answer::of(cx, outcome)
}

/// Takes the framing and the compression off.
fn unpack(mut bytes: Bytes, packing: Packing, limit: usize) -> Result<Bytes> {
    let mut coding = packing.request;
    if packing.dialect.protocol == Protocol::Grpc {
        let packed;
        (packed, bytes) = grpc::open(bytes)?;
        if packed && coding == Coding::Identity {
            return Err(Error::internal("a message is compressed, and no grpc-encoding says how"));
        }
        coding = if packed { coding } else { Coding::Identity };
    }
    compress::unpack(coding, bytes, limit).map_err(|error| match error {
        UnpackError::TooLarge => too_large(limit),
        UnpackError::Broken(cause) => {
            Error::malformed(format!("the request is not whole {coding}")).with_source(cause)
        }
    })
}

fn decode<Req: Message>(bytes: Bytes, packing: Packing, method: &RpcMethod) -> Result<Req> {
    let codec = packing.dialect.media.codec();
    codec.decode(bytes).map_err(|cause| {
        let mut message = format!("the body is no {codec} message {}", method.request());
        if let CodecError::Json(cause) = &cause {
            // It names the field and the place, never a value, so the caller may see it.
            message.push_str(&format!(": {cause}"));
        }
        Error::malformed(message).with_source(cause)
    })
}

fn pack<Resp: Message>(message: &Resp, packing: Packing) -> Result<Packed> {
    let Packing { dialect, answer, compress_from, .. } = packing;
    let room = dialect.room();
    let codec = dialect.media.codec();
    let mut bytes = codec.encode(message, room).map_err(|cause| {
        Error::internal(format!("the answer has no form in {codec}")).with_source(cause)
    })?;
    let worth = bytes.len() - room >= compress_from;
    let coding = if worth { answer } else { Coding::Identity };
    bytes = compress::pack(coding, bytes, room)?;
    if dialect.protocol == Protocol::Grpc {
        grpc::seal(&mut bytes, u8::from(coding != Coding::Identity))?;
    }
    Ok(Packed { bytes, coding })
}

async fn unread(error: ReadError, cx: Cx, body: Body, bounds: Bounds, limit: usize) -> Answer {
    Answer::refused(match error {
        ReadError::TooLarge => {
            if let Some(mut body) = unwanted(expects(cx.headers()), body) {
                discard(&mut body).await;
            }
            too_large(limit)
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

fn too_large(limit: usize) -> Error {
    let message = format!("the request body is larger than the limit of {limit} bytes");
    Error::resource_exhausted(message)
}
