//! The page, and the two calls that it makes.

mod convert;
mod follow;

use std::convert::Infallible;

use http::{HeaderValue, Method, Request, Response, StatusCode, header};
use mcsv_core::{Code, TraceContext};
use mcsv_protos::v1::UserServiceClient;
use mcsv_rpc::{Body, Error};
use serde_json::{Value, json};
use tower::util::{BoxCloneSyncService, service_fn};
use tracing::Instrument;

use crate::Inbox;

type Service = BoxCloneSyncService<Request<Body>, Response<Body>, Infallible>;

#[derive(Clone)]
pub(crate) struct Web {
    pub(crate) user_svc: UserServiceClient,
    pub(crate) inbox: Inbox,
    pub(crate) max_bytes: usize,
}

/// A file of the page.
pub(crate) fn file(media_type: &'static str, content: &'static str) -> Service {
    let answer = move |request: Request<Body>| async move {
        if request.method() != Method::GET && request.method() != Method::HEAD {
            return Ok(error(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", "use GET"));
        }
        Ok(response(StatusCode::OK, media_type, content))
    };
    BoxCloneSyncService::new(service_fn(answer))
}

/// `POST /api/conversions` and `GET /api/conversions/{job_id}/{storage_id}`.
pub(crate) fn api(web: Web) -> Service {
    let answer = move |request: Request<Body>| {
        let web = web.clone();
        // The page has no trace of its own: what it starts begins here.
        let span = tracing::info_span!("web", method = %request.method());
        let trace = TraceContext::for_span(&span, None);
        async move { Ok(trace.scope(route(web, request).instrument(span)).await) }
    };
    BoxCloneSyncService::new(service_fn(answer))
}

async fn route(web: Web, request: Request<Body>) -> Response<Body> {
    let path = request.uri().path().to_owned();
    let segments: Vec<_> = path.trim_start_matches("/api/").split('/').collect();
    let answered = match (request.method(), segments.as_slice()) {
        (&Method::POST, ["conversions"]) => convert::handle(web, request).await,
        (&Method::GET, ["conversions", job_id, storage_id]) => {
            follow::handle(web, job_id, storage_id).await
        }
        _ => {
            return error(StatusCode::NOT_FOUND, "not_found", "no such page");
        }
    };
    match answered {
        Ok(value) => response(StatusCode::OK, "application/json", value.to_string()),
        Err(failed) => error(status(failed.code()), failed.code().as_str(), failed.message()),
    }
}

fn status(code: Code) -> StatusCode {
    match code {
        Code::InvalidArgument | Code::Malformed | Code::OutOfRange => StatusCode::BAD_REQUEST,
        Code::NotFound => StatusCode::NOT_FOUND,
        Code::ResourceExhausted => StatusCode::PAYLOAD_TOO_LARGE,
        Code::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
        Code::DeadlineExceeded => StatusCode::GATEWAY_TIMEOUT,
        _ => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

fn error(status: StatusCode, code: &str, message: &str) -> Response<Body> {
    let body: Value = json!({ "code": code, "msg": message });
    response(status, "application/json", body.to_string())
}

fn response(
    status: StatusCode,
    media_type: &'static str,
    content: impl Into<Body>,
) -> Response<Body> {
    let mut response = Response::new(content.into());
    *response.status_mut() = status;
    let headers = response.headers_mut();
    for (name, value) in [
        (header::CONTENT_TYPE, media_type),
        (header::CACHE_CONTROL, "no-store"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
        (
            header::CONTENT_SECURITY_POLICY,
            "default-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
        ),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    response
}

/// What a query says under `name`; nothing where it does not.
fn parameter(query: &str, name: &str) -> String {
    let mut pairs = url::form_urlencoded::parse(query.as_bytes());
    pairs.find(|(key, _)| key == name).map(|(_, value)| value.into_owned()).unwrap_or_default()
}

fn bad(field: &str, problem: impl std::fmt::Display) -> Error {
    mcsv_protos::rules::invalid(field, problem)
}
