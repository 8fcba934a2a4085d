use std::error::Error as StdError;

use bytes::Bytes;
use http::{Method, Request, Response, StatusCode, Version};
use mcsv_core::{Deadline, Error, Result, TraceContext};
use tokio::time::{Instant, timeout_at};

use super::call::Call;
use super::channel::Shared;
use super::never_sent::NeverSent;
use super::wire::Received;
use crate::observe::Observed;
use crate::read::{Bounds, ReadError, read_with_trailers};
use crate::{Body, BoxError, Message, Protocol, current_deadline, trace_headers};

/// The most of an error's body that is read: a proxy's page may be long.
const ERROR_LIMIT: usize = 256 * 1024;

/// Sends one call, under its span, its deadline and its trace.
pub(crate) async fn send<Resp: Message>(call: Call<Resp>) -> Result<Response<Resp>> {
    let (method, wire, limit) = (call.method, call.wire, call.channel.response_limit);
    let observed = Observed::client(wire.protocol, method);
    let outcome = observed.around(exchange(call, &observed)).await;
    let outcome = outcome.and_then(|received| wire.read(method, limit, received));
    observed.finish(&outcome);
    outcome
}

async fn exchange<Resp>(call: Call<Resp>, observed: &Observed) -> Result<Received> {
    call.channel.check()?;
    if let Some(defect) = call.defect {
        return Err(Error::invalid_argument(defect));
    }
    let deadline = deadline(&call);
    let channel = call.channel.clone();
    let request = request(call, deadline, observed.trace())?;
    observed.sent_to(request.uri());
    let answered = answered(&channel, request);
    let Some(deadline) = deadline else { return answered.await };
    let end = Instant::from_std(deadline.instant());
    if end <= Instant::now() {
        return Err(Error::deadline_exceeded("the deadline had passed before the call was sent"));
    }
    timeout_at(end, answered).await.unwrap_or_else(|_| {
        Err(Error::deadline_exceeded(format!("no answer from {} in time", channel.endpoint)))
    })
}

/// The call's own time-out or the deadline of the handler that makes it, whichever ends first.
fn deadline<Resp>(call: &Call<Resp>) -> Option<Deadline> {
    let own = call.timeout.map(|timeout| Deadline::after(Instant::now().into_std(), timeout));
    match (own, current_deadline()) {
        (Some(own), Some(inherited)) => Some(own.earliest(inherited)),
        (own, inherited) => own.or(inherited),
    }
}

fn request<Resp>(
    call: Call<Resp>,
    deadline: Option<Deadline>,
    trace: &TraceContext,
) -> Result<Request<Body>> {
    let wire = call.wire;
    let packed = call.body?;
    let coding = packed.coding();
    let mut request = Request::new(Body::from(packed.bytes));
    *request.method_mut() = Method::POST;
    *request.uri_mut() = call.channel.endpoint.url(wire.path(), call.method)?;
    if wire.protocol == Protocol::Grpc {
        *request.version_mut() = Version::HTTP_2;
    }
    let headers = request.headers_mut();
    if !call.channel.headers.is_empty() {
        headers.extend(call.channel.headers.clone());
    }
    for (name, value) in &call.headers {
        headers.insert(name, value.clone());
    }
    wire.write_headers(headers, coding, deadline);
    trace_headers::write(trace, headers);
    Ok(request)
}

async fn answered(channel: &Shared, request: Request<Body>) -> Result<Received> {
    let sent = channel.transport.send(request).await;
    let response = sent.map_err(|cause| unreachable(channel, cause))?;
    let (parts, mut body) = response.into_parts();
    let limit = match parts.status {
        StatusCode::OK => channel.response_limit.saturating_add(channel.wire.room()),
        _ => ERROR_LIMIT,
    };
    let mut trailers = None;
    match read_with_trailers(&mut body, Bounds { limit, idle: None }, &mut trailers).await {
        Ok(body) => Ok(Received { parts, body, trailers }),
        // The status says enough where no one can want so long an error.
        Err(_) if parts.status != StatusCode::OK => {
            Ok(Received { parts, body: Bytes::new(), trailers })
        }
        Err(error) => Err(unread(channel, error)),
    }
}

fn unreachable(channel: &Shared, cause: BoxError) -> Error {
    let reason = innermost(&*cause);
    let message = format!("can't reach {}: {reason}", channel.endpoint);
    Error::unavailable(message).with_source(NeverSent::mark(cause))
}

fn unread(channel: &Shared, error: ReadError) -> Error {
    match error {
        ReadError::TooLarge => Error::resource_exhausted(format!(
            "the answer from {} is larger than the limit of {} bytes",
            channel.endpoint, channel.response_limit
        )),
        ReadError::Broken(cause) => {
            let message = format!("the answer from {} broke off", channel.endpoint);
            Error::unavailable(message).with_source(cause)
        }
        ReadError::Stalled => Error::unavailable("the answer stalled"),
    }
}

/// The last cause says what happened, such as "connection refused"; those before it say where.
fn innermost<'a>(error: &'a (dyn StdError + 'static)) -> &'a (dyn StdError + 'static) {
    let mut cause = error;
    while let Some(next) = cause.source() {
        cause = next;
    }
    cause
}
