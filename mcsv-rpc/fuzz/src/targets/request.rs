//! Any request to a router: `METHOD path` in the first line. This is where paths, content types,
//! queries, time-outs, trace headers, frames and compressed bodies are read.

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::BodyExt;
use mcsv_rpc::Body;
use tower::ServiceExt;

use super::{head, service};

pub fn run(bytes: &[u8]) {
    let Some(request) = request(bytes) else { return };
    let form = request.headers().get("content-type").cloned();
    let response = service::block_on(async {
        let response = service::router().oneshot(request).await.expect("a router never fails");
        let (parts, body) = response.into_parts();
        let body = body.collect().await.expect("an answer is whole");
        let trailers = body.trailers().cloned().unwrap_or_default();
        (Response::from_parts(parts, body.to_bytes()), trailers)
    });
    let (response, trailers) = response;
    let is_grpc = form.is_some_and(|form| form.as_bytes().starts_with(b"application/grpc"))
        && response.headers().get("content-type").is_some_and(is_grpc);
    if is_grpc {
        assert_eq!(response.status(), 200);
        let told = response.headers().contains_key("grpc-status");
        assert!(told || trailers.contains_key("grpc-status"), "{response:?} {trailers:?}");
    }
    check_json(&response);
}

fn is_grpc(value: &http::HeaderValue) -> bool {
    value.as_bytes().starts_with(b"application/grpc")
}

/// An answer that says it is JSON is JSON, errors included.
fn check_json(response: &Response<Bytes>) {
    let says = |name, value: &str| response.headers().get(name).is_some_and(|is| is == value);
    if says("content-type", "application/json")
        && !response.headers().contains_key("content-encoding")
    {
        let json = serde_json::from_slice::<serde_json::Value>(response.body());
        assert!(json.is_ok() || response.body().is_empty(), "{response:?}");
    }
}

fn request(bytes: &[u8]) -> Option<Request<Body>> {
    let head = head::parse(bytes)?;
    let (method, path) = head.first.split_once(' ')?;
    let body = Body::from(head.body.to_vec());
    let mut request = Request::builder().method(method).uri(path).body(body).ok()?;
    *request.headers_mut() = head.headers;
    Some(request)
}
