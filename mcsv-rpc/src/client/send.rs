use std::error::Error as StdError;

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::response::Parts;
use http::{Method, Request, Response, StatusCode};
use mcsv_core::{Deadline, Error, Result, TraceContext};
use prost::Message;
use tokio::time::{Instant, timeout_at};

use super::call::Call;
use super::channel::Shared;
use crate::observe::{Observed, Side};
use crate::read::{Bounds, ReadError, read};
use crate::twirp::{ContentType, PROTOBUF, read_error};
use crate::{Body, BoxError, RpcMethod, current_deadline, timeout, trace_headers};

/// The most of an error's body that is read: a proxy's page may be long.
const ERROR_LIMIT: usize = 256 * 1024;

/// Sends one call, under its span, its deadline and its trace.
pub(crate) async fn send<Resp: Message + Default>(call: Call<Resp>) -> Result<Response<Resp>> {
    let method = call.method;
    let observed = Observed::new(Side::Client, method, None);
    let outcome = observed.around(exchange(call, observed.trace())).await;
    let outcome = outcome.and_then(|(parts, body)| decode(method, parts, body));
    observed.finish(&outcome);
    outcome
}

async fn exchange<Resp>(call: Call<Resp>, trace: &TraceContext) -> Result<(Parts, Bytes)> {
    call.channel.check()?;
    if let Some(defect) = call.defect {
        return Err(Error::invalid_argument(defect));
    }
    let deadline = deadline(&call);
    let channel = call.channel.clone();
    let request = request(call, deadline, trace)?;
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
    let mut request = Request::new(Body::from(call.body));
    *request.method_mut() = Method::POST;
    *request.uri_mut() = call.channel.endpoint.url(call.method)?;
    let headers = request.headers_mut();
    if !call.channel.headers.is_empty() {
        headers.extend(call.channel.headers.clone());
    }
    for (name, value) in &call.headers {
        headers.insert(name, value.clone());
    }
    headers.insert(CONTENT_TYPE, PROTOBUF);
    trace_headers::write(trace, headers);
    if let Some(deadline) = deadline {
        let remaining = deadline.remaining(Instant::now().into_std());
        headers.insert(timeout::CONNECT, timeout::header_value(remaining));
    }
    Ok(request)
}

async fn answered(channel: &Shared, request: Request<Body>) -> Result<(Parts, Bytes)> {
    let sent = channel.transport.send(request).await;
    let response = sent.map_err(|cause| unreachable(channel, cause))?;
    let (parts, mut body) = response.into_parts();
    let limit = match parts.status {
        StatusCode::OK => channel.response_limit,
        _ => ERROR_LIMIT,
    };
    match read(&mut body, Bounds { limit, idle: None }).await {
        Ok(body) => Ok((parts, body)),
        // The status says enough where no one can want so long an error.
        Err(_) if parts.status != StatusCode::OK => Ok((parts, Bytes::new())),
        Err(error) => Err(unread(channel, error)),
    }
}

fn decode<Resp: Message + Default>(
    method: &RpcMethod,
    parts: Parts,
    body: Bytes,
) -> Result<Response<Resp>> {
    if parts.status != StatusCode::OK {
        return Err(read_error(&parts, &body));
    }
    ContentType::of_answer(&parts.headers)?;
    let message = Resp::decode(body).map_err(|cause| {
        let message = format!("the answer to {} is no message of its type", method.full_name());
        Error::internal(message).with_source(cause)
    })?;
    Ok(Response::from_parts(parts, message))
}

fn unreachable(channel: &Shared, cause: BoxError) -> Error {
    let reason = innermost(&*cause);
    Error::unavailable(format!("can't reach {}: {reason}", channel.endpoint)).with_source(cause)
}

fn unread(channel: &Shared, error: ReadError) -> Error {
    match error {
        ReadError::TooLarge { limit } => Error::resource_exhausted(format!(
            "the answer from {} is larger than the limit of {limit} bytes",
            channel.endpoint
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
