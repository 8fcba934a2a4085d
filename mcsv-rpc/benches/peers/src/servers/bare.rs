//! Hyper and prost with the least code that answers.

use std::convert::Infallible;
use std::future::ready;

use bytes::{Buf, Bytes};
use http::header::{CONTENT_TYPE, HeaderValue};
use http::{HeaderMap, Request, Response, StatusCode};
use http_body_util::{BodyExt, Either, Full};
use hyper::body::Incoming;
use hyper::server::conn::{http1, http2};
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use prost::Message;
use tokio::net::TcpListener;

use super::{accept, user};
use crate::BoxError;
use crate::messages::{Blob, GetUserRequest};

type Answer = Response<Full<Bytes>>;

pub(super) async fn http1(listener: TcpListener) -> Result<(), BoxError> {
    loop {
        let stream = TokioIo::new(accept(&listener).await?);
        let service = service_fn(|request| async { Ok::<_, Infallible>(answer(request).await) });
        tokio::spawn(http1::Builder::new().serve_connection(stream, service));
    }
}

pub(super) async fn http2(listener: TcpListener) -> Result<(), BoxError> {
    loop {
        let stream = TokioIo::new(accept(&listener).await?);
        let service = service_fn(|request: Request<Incoming>| async {
            Ok::<_, Infallible>(match request.uri().path().starts_with("/bench.v1.Users/") {
                true => grpc(request).await.map(Either::Left),
                false => answer(request).await.map(Either::Right),
            })
        });
        let builder = http2::Builder::new(TokioExecutor::new());
        tokio::spawn(builder.serve_connection(stream, service));
    }
}

async fn answer(request: Request<Incoming>) -> Answer {
    let path = request.uri().path();
    let is_user = path == "/twirp/bench.v1.Users/GetUser";
    let is_json = path == "/json/bench.v1.Users/GetUser";
    if !is_user && !is_json && path != "/twirp/bench.v1.Users/Echo" {
        return status(StatusCode::NOT_FOUND);
    }
    let Ok(body) = request.into_body().collect().await else {
        return status(StatusCode::BAD_REQUEST);
    };
    let body = body.to_bytes();
    let (encoded, kind) = match () {
        () if is_user => match GetUserRequest::decode(body) {
            Ok(request) => (user(request).encode_to_vec(), "application/protobuf"),
            Err(_) => return status(StatusCode::BAD_REQUEST),
        },
        () if is_json => match json::answer(&body) {
            Ok(encoded) => (encoded, "application/json"),
            Err(_) => return status(StatusCode::BAD_REQUEST),
        },
        () => match Blob::decode(body) {
            Ok(blob) => (blob.encode_to_vec(), "application/protobuf"),
            Err(_) => return status(StatusCode::BAD_REQUEST),
        },
    };
    let mut response = Response::new(Full::from(encoded));
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    response
}

fn status(status: StatusCode) -> Answer {
    let mut response = Response::new(Full::default());
    *response.status_mut() = status;
    response
}

/// gRPC framed by hand: five bytes in front, trailers behind.
async fn grpc(
    request: Request<Incoming>,
) -> Response<impl hyper::body::Body<Data = Bytes, Error = Infallible>> {
    let is_user = request.uri().path() == "/bench.v1.Users/GetUser";
    let framed = match request.into_body().collect().await.map(|body| body.to_bytes()) {
        Ok(mut body) if body.len() >= 5 => {
            body.advance(5);
            match is_user {
                true => GetUserRequest::decode(body).map(|request| frame(&user(request))),
                false => Blob::decode(body).map(|blob| frame(&blob)),
            }
        }
        _ => Ok(Vec::new()),
    };
    let mut trailers = HeaderMap::with_capacity(1);
    trailers.insert("grpc-status", HeaderValue::from_static("0"));
    let body = Full::from(framed.unwrap_or_default());
    let mut response = Response::new(body.with_trailers(ready(Some(Ok(trailers)))));
    let grpc = HeaderValue::from_static("application/grpc");
    response.headers_mut().insert(CONTENT_TYPE, grpc);
    response
}

fn frame(message: &impl Message) -> Vec<u8> {
    let length = message.encoded_len();
    let mut framed = Vec::with_capacity(5 + length);
    framed.push(0);
    framed.extend_from_slice(&(length as u32).to_be_bytes());
    message.encode_raw(&mut framed);
    framed
}

/// JSON by serde, which is not quite protobuf's, but what one would write by hand.
mod json {
    use std::collections::BTreeMap;

    #[derive(serde::Deserialize)]
    struct Request {
        id: String,
        tenant: String,
        locale: String,
        labels: BTreeMap<String, String>,
    }

    #[derive(serde::Serialize)]
    struct User {
        id: String,
        name: String,
        locale: String,
        labels: String,
    }

    pub(super) fn answer(body: &[u8]) -> Result<Vec<u8>, serde_json::Error> {
        let Request { id, tenant, locale, labels } = serde_json::from_slice(body)?;
        let labels = labels.len().to_string();
        serde_json::to_vec(&User { id, name: tenant, locale, labels })
    }
}
