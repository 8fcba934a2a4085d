//! Any answer to a client: `protocol codec status` in the first line. This is where the errors of
//! the three protocols, frames, trailers and compressed bodies of a server are read.

use std::convert::Infallible;

use bytes::Bytes;
use futures_util::stream;
use http::{HeaderMap, Request, Response};
use http_body::Frame;
use http_body_util::StreamBody;
use mcsv_rpc::{Body, Channel, Protocol};
use tower::service_fn;

use super::{head, service};
use crate::generated::echo::v1::{EchoClient, Ping};

pub fn run(bytes: &[u8]) {
    let Some((protocol, is_json, answer)) = answer(bytes) else { return };
    let server = service_fn(move |_: Request<Body>| {
        let (parts, (body, trailers)) = answer.clone().into_parts();
        let frames: [Result<_, Infallible>; 2] =
            [Ok(Frame::data(body)), Ok(Frame::trailers(trailers))];
        let body = Body::new(StreamBody::new(stream::iter(frames)));
        async { Ok::<_, Infallible>(Response::from_parts(parts, body)) }
    });
    let channel = Channel::new(server).with_protocol(protocol).with_response_limit(64 << 10);
    let channel = if is_json { channel.with_json() } else { channel };
    let called = service::block_on(async {
        EchoClient::from_channel(channel).echo(Ping::default()).into_response().await
    });
    if let Err(error) = called {
        drop(format!("{error} {error:?}"));
    }
}

type Answer = Response<(Bytes, HeaderMap)>;

fn answer(bytes: &[u8]) -> Option<(Protocol, bool, Answer)> {
    let head = head::parse(bytes)?;
    let mut words = head.first.split(' ');
    let protocol = match words.next()? {
        "twirp" => Protocol::Twirp,
        "connect" => Protocol::Connect,
        _ => Protocol::Grpc,
    };
    let is_json = words.next()? == "json";
    let status = words.next()?.parse::<u16>().ok()?;
    let content = (Bytes::copy_from_slice(head.body), head.trailers);
    let mut answer = Response::builder().status(status).body(content).ok()?;
    *answer.headers_mut() = head.headers;
    Some((protocol, is_json, answer))
}
