//! Requests and answers as bytes, past the generated client.

use std::convert::Infallible;

use bytes::Bytes;
use http::{Request, Response};
use http_body::Frame;
use http_body_util::{BodyExt, StreamBody};
use mcsv_rpc::{Body, Router};
use prost::Message;
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tower::ServiceExt;

use crate::app::ping;

/// A good request, to be spoilt.
pub(crate) fn post(path: &str, body: impl Into<Body>) -> Request<Body> {
    let request = Request::post(path).header("content-type", "application/protobuf");
    request.body(body.into()).unwrap()
}

pub(crate) fn echo_request(text: &str) -> Request<Body> {
    post("/twirp/echo.v1.Echo/Echo", ping(text).encode_to_vec())
}

pub(crate) async fn send(router: &Router, request: Request<Body>) -> Response<Bytes> {
    let response = router.clone().oneshot(request).await.unwrap();
    let (parts, body) = response.into_parts();
    Response::from_parts(parts, body.collect().await.unwrap().to_bytes())
}

/// A body of unknown length, in pieces.
pub(crate) fn pieces(pieces: impl IntoIterator<Item = Vec<u8>>) -> Body {
    let frames: Vec<_> = pieces
        .into_iter()
        .map(|piece| Ok::<_, Infallible>(Frame::data(Bytes::from(piece))))
        .collect();
    Body::new(StreamBody::new(futures_util::stream::iter(frames)))
}

/// The codings that are served, the best first, and as a list.
#[cfg(feature = "zstd")]
pub(crate) const CODINGS: (&[&str], &str) = (&["zstd", "gzip"], "zstd, gzip");
#[cfg(not(feature = "zstd"))]
pub(crate) const CODINGS: (&[&str], &str) = (&["gzip"], "gzip");

pub(crate) fn packed(coding: &str, plain: &[u8]) -> Vec<u8> {
    match coding {
        "identity" => plain.to_vec(),
        "gzip" => gzipped(plain),
        #[cfg(feature = "zstd")]
        "zstd" => zstd::encode_all(plain, 19).unwrap(),
        other => panic!("no coding {other}"),
    }
}

pub(crate) fn unpacked(coding: &str, packed: &[u8]) -> Vec<u8> {
    match coding {
        "identity" => packed.to_vec(),
        "gzip" => gunzipped(packed),
        #[cfg(feature = "zstd")]
        "zstd" => zstd::decode_all(packed).unwrap(),
        other => panic!("no coding {other}"),
    }
}

pub(crate) fn gzipped(plain: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    std::io::Write::write_all(&mut encoder, plain).unwrap();
    encoder.finish().unwrap()
}

fn gunzipped(packed: &[u8]) -> Vec<u8> {
    let mut plain = Vec::new();
    std::io::Read::read_to_end(&mut flate2::read::GzDecoder::new(packed), &mut plain).unwrap();
    plain
}

/// Checks that an answer is a Twirp error, whole and in its form, and gives its message.
#[track_caller]
pub(crate) fn check_error(response: &Response<Bytes>, status: u16, code: &str) -> String {
    let json: Value = serde_json::from_slice(response.body()).unwrap();
    assert_eq!(json["code"], code, "{json}");
    assert_eq!(response.status(), status, "{json}");
    assert_eq!(response.headers()["content-type"], "application/json");
    json["msg"].as_str().unwrap().to_owned()
}

/// Sends bytes over TCP, says no more, and reads all of the answer.
pub(crate) async fn raw(address: &str, request: &[u8]) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(request).await.unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.unwrap();
    String::from_utf8_lossy(&answer).into_owned()
}
