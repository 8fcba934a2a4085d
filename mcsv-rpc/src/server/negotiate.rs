use http::header::{ALLOW, CONTENT_TYPE};
use http::request::Parts;
use http::{HeaderName, HeaderValue, Method, Response, StatusCode, Version};
use mcsv_core::Error;

use crate::connect::Query;
use crate::dialect::{Dialect, Verb};
use crate::media::{self, Media};
use crate::twirp::error_response;
use crate::{Body, Idempotency, Protocol, RpcMethod};

/// The kinds of path that lead to a method.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    /// `/twirp/package.Service/Method`, or an alias: Twirp's alone.
    Twirp,
    /// `/package.Service/Method`, which the protocols share.
    Bare,
}

/// Finds the protocol of a request by path, verb and content type; gives the body that its message
/// is in.
///
/// A request of none of them is answered as the protocol that owns the path says.
pub(crate) fn negotiate(
    form: Form,
    method: &RpcMethod,
    parts: &Parts,
    body: Body,
) -> Result<(Dialect, Body), Box<Response<Body>>> {
    match (form, &parts.method) {
        (Form::Twirp, _) => match twirp(method, parts) {
            Ok(dialect) => Ok((dialect, body)),
            Err(error) => Err(Box::new(error_response(&error))),
        },
        (Form::Bare, &Method::POST) => Ok((bare(parts)?, body)),
        (Form::Bare, &Method::GET) if method.idempotency() == Idempotency::NoSideEffects => {
            get(parts)
        }
        (Form::Bare, _) => Err(wrong_verb(method)),
    }
}

fn twirp(method: &RpcMethod, parts: &Parts) -> Result<Dialect, Error> {
    if parts.method != Method::POST {
        let verb = parts.method.as_str();
        return Err(Error::bad_route(format!(
            "unsupported method {} for {}: use POST",
            &verb[..verb.floor_char_boundary(200)],
            method.full_name()
        )));
    }
    match Media::of(&parts.headers) {
        Some(media @ (Media::Protobuf | Media::XProtobuf | Media::Proto | Media::Json)) => {
            Ok(Dialect::post(Protocol::Twirp, media))
        }
        _ => {
            let problem = match &*media::shown(&parts.headers) {
                "" => "the request has no content-type".to_owned(),
                other => format!("unexpected content-type {other:?}"),
            };
            let remedy = "send application/protobuf or application/json";
            Err(Error::bad_route(format!("{problem}: {remedy}")))
        }
    }
}

fn bare(parts: &Parts) -> Result<Dialect, Box<Response<Body>>> {
    match Media::of(&parts.headers) {
        Some(media @ (Media::Protobuf | Media::XProtobuf)) => {
            Ok(Dialect::post(Protocol::Twirp, media))
        }
        Some(media @ (Media::Proto | Media::Json)) => Ok(Dialect::post(Protocol::Connect, media)),
        Some(media @ (Media::Grpc | Media::GrpcProto | Media::GrpcJson)) => {
            // Over HTTP/1.1 the trailers, and the status in them, would be lost.
            match parts.version < Version::HTTP_2 {
                true => Err(plain(
                    StatusCode::HTTP_VERSION_NOT_SUPPORTED,
                    "gRPC needs HTTP/2".to_owned(),
                )),
                false => Ok(Dialect::post(Protocol::Grpc, media)),
            }
        }
        None => Err(wrong_type(parts)),
    }
}

/// A GET has no body and no content type: all of its message is in the query.
fn get(parts: &Parts) -> Result<(Dialect, Body), Box<Response<Body>>> {
    let query = Query::parse(parts.uri.query().unwrap_or_default());
    let Some(media) = query.media() else {
        let problem = "the query parameter encoding is not proto or json";
        return Err(plain(StatusCode::UNSUPPORTED_MEDIA_TYPE, problem.to_owned()));
    };
    let dialect = Dialect::post(Protocol::Connect, media);
    let refused = |error| Box::new(dialect.refusal(&error));
    let verb = Verb::Get(query.coding().map_err(refused)?);
    let message = query.message().map_err(refused)?;
    Ok((Dialect { verb, ..dialect }, Body::from(message)))
}

fn wrong_verb(method: &RpcMethod) -> Box<Response<Body>> {
    let allowed = match method.idempotency() {
        Idempotency::NoSideEffects => "GET, POST",
        _ => "POST",
    };
    let problem = format!("{} answers {allowed}", method.full_name());
    let mut response = plain(StatusCode::METHOD_NOT_ALLOWED, problem);
    response.headers_mut().insert(ALLOW, HeaderValue::from_static(allowed));
    response
}

fn wrong_type(parts: &Parts) -> Box<Response<Body>> {
    const ACCEPT_POST: HeaderName = HeaderName::from_static("accept-post");
    const ACCEPTED: &str = "application/proto, application/json, application/grpc, \
                            application/grpc+proto, application/grpc+json, application/protobuf";
    let problem =
        format!("unexpected content-type {:?}: send {ACCEPTED}", media::shown(&parts.headers));
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
