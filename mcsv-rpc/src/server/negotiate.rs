use http::header::{ALLOW, CONTENT_TYPE};
use http::request::Parts;
use http::{HeaderName, HeaderValue, Method, Response, StatusCode, Version};
use mcsv_core::Error;

use crate::connect::{self, Query};
use crate::dialect::{Dialect, Verb};
use crate::media::{self, Media};
use crate::twirp::error_response;
use crate::{Body, Idempotency, Protocol, RpcMethod};

/// The kinds of path that lead to a method: all answer every protocol, and differ in what they tell a
/// request of none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    /// `/twirp/package.Service/Method`, or an alias: Twirp's.
    Twirp,
    /// `/package.Service/Method`: that of Connect and gRPC.
    Bare,
}

/// Finds the protocol of a request by verb and content type; puts the message of a GET into `body`.
///
/// Every protocol is answered at every path. A request of none of them is answered as the protocol
/// that owns the path says.
pub(crate) fn negotiate(
    form: Form,
    method: &RpcMethod,
    parts: &Parts,
    media: Option<Media>,
    body: &mut Body,
) -> Result<Dialect, Box<Response<Body>>> {
    match parts.method {
        Method::POST => post(form, parts, media),
        Method::GET
            if method.idempotency() == Idempotency::NoSideEffects && is_get(form, parts) =>
        {
            get(parts, body)
        }
        _ => Err(wrong_verb(form, method, parts)),
    }
}

fn post(form: Form, parts: &Parts, media: Option<Media>) -> Result<Dialect, Box<Response<Body>>> {
    let Some(media) = media else { return Err(wrong_type(form, parts)) };
    let is_connect = || parts.headers.contains_key(connect::VERSION);
    Ok(match media {
        Media::Protobuf | Media::XProtobuf => Dialect::post(Protocol::Twirp, media),
        Media::Proto => Dialect::post(Protocol::Connect, media),
        Media::Json if is_connect() => Dialect::post(Protocol::Connect, media),
        // A Connect client may leave its header out; it is told its errors so that it reads them.
        Media::Json => Dialect::post(Protocol::Twirp, media).or_connect(form == Form::Bare),
        Media::Grpc | Media::GrpcProto | Media::GrpcJson if parts.version >= Version::HTTP_2 => {
            Dialect::post(Protocol::Grpc, media)
        }
        // Over HTTP/1.1 the trailers, and the status in them, would be lost.
        _ if form == Form::Twirp => return Err(wrong_type(form, parts)),
        _ => {
            let problem = "gRPC needs HTTP/2".to_owned();
            return Err(plain(StatusCode::HTTP_VERSION_NOT_SUPPORTED, problem));
        }
    })
}

/// Twirp has no GET, so at its paths one has to say that it is Connect's.
fn is_get(form: Form, parts: &Parts) -> bool {
    form == Form::Bare || connect::is_connect(parts.uri.query().unwrap_or_default())
}

/// A GET has no body and no content type: all of its message is in the query.
fn get(parts: &Parts, body: &mut Body) -> Result<Dialect, Box<Response<Body>>> {
    let query = Query::parse(parts.uri.query().unwrap_or_default());
    let Some(media) = query.media() else {
        let problem = "the query parameter encoding is not proto or json";
        return Err(plain(StatusCode::UNSUPPORTED_MEDIA_TYPE, problem.to_owned()));
    };
    let dialect = Dialect::post(Protocol::Connect, media);
    let refused = |error| Box::new(dialect.refusal(&error));
    let verb = Verb::Get(query.coding().map_err(refused)?);
    *body = Body::from(query.message().map_err(refused)?);
    Ok(Dialect { verb, ..dialect })
}

fn wrong_verb(form: Form, method: &RpcMethod, parts: &Parts) -> Box<Response<Body>> {
    let name = method.full_name();
    if form == Form::Twirp {
        let verb = parts.method.as_str();
        let verb = &verb[..verb.floor_char_boundary(200)];
        let problem = format!("unsupported method {verb} for {name}: use POST");
        return Box::new(error_response(&Error::bad_route(problem)));
    }
    let allowed = match method.idempotency() {
        Idempotency::NoSideEffects => "GET, POST",
        _ => "POST",
    };
    let mut response = plain(StatusCode::METHOD_NOT_ALLOWED, format!("{name} answers {allowed}"));
    response.headers_mut().insert(ALLOW, HeaderValue::from_static(allowed));
    response
}

fn wrong_type(form: Form, parts: &Parts) -> Box<Response<Body>> {
    const ACCEPT_POST: HeaderName = HeaderName::from_static("accept-post");
    const ACCEPTED: &str = "application/proto, application/json, application/grpc, \
                            application/grpc+proto, application/grpc+json, application/protobuf";
    let problem = match &*media::shown(&parts.headers) {
        "" => "the request has no content-type".to_owned(),
        other => format!("unexpected content-type {other:?}"),
    };
    if form == Form::Twirp && !parts.headers.contains_key(connect::VERSION) {
        let remedy = "send application/protobuf or application/json";
        return Box::new(error_response(&Error::bad_route(format!("{problem}: {remedy}"))));
    }
    let problem = format!("{problem}: send {ACCEPTED}");
    let mut response = plain(StatusCode::UNSUPPORTED_MEDIA_TYPE, problem);
    response.headers_mut().insert(ACCEPT_POST, HeaderValue::from_static(ACCEPTED));
    response
}

/// An answer of HTTP alone, where it is not known which protocol was meant.
fn plain(status: StatusCode, problem: String) -> Box<Response<Body>> {
    let mut response = Response::new(Body::from(problem));
    *response.status_mut() = status;
    let text = HeaderValue::from_static("text/plain; charset=utf-8");
    response.headers_mut().insert(CONTENT_TYPE, text);
    Box::new(response)
}
