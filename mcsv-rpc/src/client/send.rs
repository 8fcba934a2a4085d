use bytes::Bytes;
use http::header::{CONTENT_ENCODING, CONTENT_TYPE};
use http::{HeaderName, Method, Request, Response, StatusCode, Uri, Version};
use mcsv_core::{Deadline, Error, Result};
use tokio::time::{Instant, timeout_at};

use super::balance::Ticket;
use super::broken;
use super::call::Call;
use super::connect_get;
use super::endpoint::Endpoint;
use super::outcome::KeptHead;
use super::persist::Persistent;
use super::shared::Shared;
use super::tried::Tried;
use super::wire::{Packed, Received, Wire};
use crate::observe::Observed;
use crate::read::{Bounds, read_with_trailers};
use crate::undisclosed::Undisclosed;
use crate::{
    Body, Idempotency, Message, Protocol, RpcMethod, connect, current_deadline, trace_headers,
};

/// The most of an error's body that is read: a proxy's page may be long.
const ERROR_LIMIT: usize = 256 * 1024;

/// Sends one call, under its span, its deadline and its trace.
pub(crate) async fn send<Resp: Message>(call: Call<Resp>) -> Result<Response<Resp>> {
    let mut observed = Observed::client(call.wire.protocol, call.method);
    let outcome = observed.around(exchange(call, &observed)).await;
    observed.finish(outcome.as_ref().err());
    outcome
}

async fn exchange<Resp: Message>(call: Call<Resp>, observed: &Observed) -> Result<Response<Resp>> {
    call.channel.check()?;
    if let Some(defect) = call.defect {
        return Err(Undisclosed::mark(Error::invalid_argument(defect)));
    }
    let deadline = deadline(&call);
    let channel = call.channel.clone();
    let Some(deadline) = deadline else { return delivered(call, None, observed).await };
    let end = Instant::from_std(deadline.instant());
    if end <= Instant::now() {
        let error = Error::deadline_exceeded("the deadline had passed before the call was sent");
        return Err(Undisclosed::mark(error));
    }
    let delivered = delivered(call, Some(deadline), observed);
    let late = || {
        let place = channel.place();
        Error::deadline_exceeded(format!("no answer from {place} in time"))
    };
    match timeout_at(end, delivered).await {
        Ok(Err(error)) if broken::by_deadline(&error, end) => {
            Err(Undisclosed::mark(late().with_source(error)))
        }
        Ok(ended) => ended,
        Err(_) => Err(Undisclosed::mark(late())),
    }
}

async fn delivered<Resp: Message>(
    mut call: Call<Resp>,
    deadline: Option<Deadline>,
    observed: &Observed,
) -> Result<Response<Resp>> {
    if let Some(policy) = call.policy.take() {
        // In a box of its own, so that calls without a policy stay small.
        return Box::pin(Persistent::new(&call, &policy, deadline, observed).run()).await;
    }
    let packed = std::mem::replace(&mut call.body, Ok(Packed::default()))?;
    let mut tried = Tried::default();
    let first = prepare(&call, packed.clone(), &mut tried, deadline, observed, 0)?;
    match attempt(first).await {
        Err(error) if tried.again(&call.channel, &error) => {
            Box::pin(again(&call, packed, tried, deadline, observed)).await
        }
        ended => ended,
    }
}

/// Sends a call that no server has read until one does, as far as [`Tried`] lets it.
async fn again<Resp: Message>(
    call: &Call<Resp>,
    packed: Packed,
    mut tried: Tried,
    deadline: Option<Deadline>,
    observed: &Observed,
) -> Result<Response<Resp>> {
    let mut times = 0;
    loop {
        times += 1;
        count(AGAIN, call.method);
        observed.sent_again(times);
        let next = prepare(call, packed.clone(), &mut tried, deadline, observed, 0)?;
        match attempt(next).await {
            Err(error) if tried.again(&call.channel, &error) => {}
            ended => return ended,
        }
    }
}

/// Counts further requests, of whatever kind.
pub(crate) const AGAIN: &str = "rpc_client_retries_total";

pub(crate) fn count(counter: &'static str, method: &RpcMethod) {
    let labels = [("service", method.service()), ("method", method.name())];
    metrics::counter!(counter, &labels).increment(1);
}

/// The next request for a call that was sent `before` times: to an endpoint that it has not `tried`,
/// where there are several, which it has tried then.
pub(crate) fn prepare<'a, Resp>(
    call: &'a Call<Resp>,
    packed: Packed,
    tried: &mut Tried,
    deadline: Option<Deadline>,
    observed: &Observed,
    before: u32,
) -> Result<Attempt<'a>> {
    let channel = &*call.channel;
    let mut ticket = channel.endpoints.as_ref().and_then(|all| all.pick(tried.endpoints()));
    if let Some(ticket) = &mut ticket {
        tried.add(ticket.id());
        ticket.set_deadline(deadline.map(|deadline| Instant::from_std(deadline.instant())));
    }
    let endpoint = ticket.as_ref().map_or(&channel.endpoint, Ticket::endpoint);
    let request = request(call, packed, endpoint, deadline, observed, before)?;
    let (wire, method, head) = (call.wire, call.method, call.head.as_deref());
    Ok(Attempt { channel, wire, method, request, ticket, head })
}

/// The call's own time-out or the deadline of the handler that makes it, whichever ends first.
fn deadline<Resp>(call: &Call<Resp>) -> Option<Deadline> {
    let own = call.timeout.map(|timeout| Deadline::after(Instant::now().into_std(), timeout));
    match (own, current_deadline()) {
        (Some(own), Some(inherited)) => Some(own.earliest(inherited)),
        (own, inherited) => own.or(inherited),
    }
}

/// The request for a call that was sent `before` times.
fn request<Resp>(
    call: &Call<Resp>,
    packed: Packed,
    endpoint: &Endpoint,
    deadline: Option<Deadline>,
    observed: &Observed,
    before: u32,
) -> Result<Request<Body>> {
    /// gRFC A6: what a server tells retries by.
    const ATTEMPTS: HeaderName = HeaderName::from_static("grpc-previous-rpc-attempts");
    let (wire, channel) = (call.wire, &call.channel);
    let coding = packed.coding();
    let url = endpoint.url(channel.prefix(), call.method)?;
    let by_get = if channel.get { get_url(call, &packed, &url) } else { None };
    let is_get = by_get.is_some();
    let mut request = match by_get {
        Some(url) => {
            let mut request = Request::new(Body::empty());
            *request.uri_mut() = url;
            request
        }
        None => {
            let mut request = Request::new(Body::from(packed.bytes));
            *request.method_mut() = Method::POST;
            *request.uri_mut() = url;
            request
        }
    };
    if wire.protocol == Protocol::Grpc {
        *request.version_mut() = Version::HTTP_2;
    }
    let headers = request.headers_mut();
    if !channel.headers.is_empty() {
        headers.extend(channel.headers.clone());
    }
    // A call's header takes the place of its channel's, and may have several values.
    for name in call.headers.keys() {
        headers.remove(name);
    }
    for (name, value) in &call.headers {
        headers.append(name, value.clone());
    }
    wire.write_headers(headers, coding, deadline);
    if is_get {
        // The query says it.
        headers.remove(CONTENT_TYPE);
        headers.remove(CONTENT_ENCODING);
        headers.remove(connect::VERSION);
    }
    if before > 0 && wire.protocol == Protocol::Grpc {
        headers.insert(ATTEMPTS, before.into());
    }
    trace_headers::write(observed.trace(), headers);
    observed.sent_to(request.uri());
    Ok(request)
}

/// The URL that holds all of a call, where the protocol, the method and the length allow it.
fn get_url<Resp>(call: &Call<Resp>, packed: &Packed, url: &Uri) -> Option<Uri> {
    let pure = call.method.idempotency() == Idempotency::NoSideEffects;
    if call.wire.protocol != Protocol::Connect || !pure {
        return None;
    }
    let room = connect_get::LONGEST.saturating_sub(url.path().len());
    let coding = connect_get::name(packed.coding());
    let query = connect_get::query(call.wire.codec, coding, &packed.bytes, room)?;
    let mut parts = url.clone().into_parts();
    parts.path_and_query = [url.path(), &query].concat().try_into().ok();
    Uri::from_parts(parts).ok()
}

/// One request, on its way to one endpoint.
pub(crate) struct Attempt<'a> {
    pub(crate) channel: &'a Shared,
    pub(crate) wire: Wire,
    pub(crate) method: &'static RpcMethod,
    pub(crate) request: Request<Body>,
    pub(crate) ticket: Option<Ticket>,
    /// Where the metadata of the answer is wanted, whatever the answer is.
    pub(crate) head: Option<&'a KeptHead>,
}

/// Sends it and reads the answer.
pub(crate) async fn attempt<Resp: Message>(attempt: Attempt<'_>) -> Result<Response<Resp>> {
    let Attempt { channel, wire, method, request, ticket, head } = attempt;
    let endpoint = ticket.as_ref().map_or(&channel.endpoint, Ticket::endpoint);
    let received = answered(channel, endpoint, request).await;
    if let (Some(head), Ok(received)) = (head, &received) {
        head.keep(wire.protocol, received);
    }
    let outcome = received.and_then(|received| wire.read(method, channel.response_limit, received));
    if let Some(ticket) = ticket {
        ticket.settle(&outcome);
    }
    outcome
}

async fn answered(
    channel: &Shared,
    endpoint: &Endpoint,
    request: Request<Body>,
) -> Result<Received> {
    let sent = channel.transport.send(request).await;
    let response = sent.map_err(|cause| broken::unreachable(endpoint, cause))?;
    let (parts, mut body) = response.into_parts();
    let limit = match parts.status {
        StatusCode::OK => channel.response_limit,
        _ => ERROR_LIMIT,
    };
    let bounds = Bounds { limit, room: channel.wire.room(), idle: None };
    let mut trailers = None;
    match read_with_trailers(&mut body, bounds, &mut trailers).await {
        Ok(body) => Ok(Received { parts, body, trailers }),
        // The status says enough where no one can want so long an error.
        Err(_) if parts.status != StatusCode::OK => {
            Ok(Received { parts, body: Bytes::new(), trailers })
        }
        Err(error) => Err(broken::unread(channel, endpoint, error)),
    }
}
