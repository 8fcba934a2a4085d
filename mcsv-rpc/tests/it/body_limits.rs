use std::convert::Infallible;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Version};
use http_body::Frame;
use http_body_util::StreamBody;
use mcsv_rpc::{Body, Code, Router};
use prost::Message;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::app::{App, EchoServer, Ping, Running, ping};
use crate::wire::{check_error, pieces, post, raw, send};

const ECHO: &str = "/echo_svc/Echo";

fn limited(bytes: usize) -> Router {
    App::default().router().with_body_limit(bytes)
}

/// A message of exactly `len` bytes on the wire.
fn message_of(len: usize) -> Vec<u8> {
    let text = (0..=len).rev().map(|n| ping(&"a".repeat(n)).encode_to_vec());
    text.into_iter().find(|message| message.len() == len).unwrap()
}

#[tokio::test]
async fn a_body_at_the_limit_passes_and_one_byte_more_does_not() {
    for limit in [10, 100, 5000] {
        let fits = message_of(limit);
        let response = send(&limited(limit), post(ECHO, fits.clone())).await;
        assert_eq!(response.status(), 200);

        let response = send(&limited(limit - 1), post(ECHO, fits)).await;
        let message = check_error(&response, 429, "resource_exhausted");
        assert!(message.contains(&(limit - 1).to_string()), "{message}");
    }
}

#[tokio::test]
async fn a_body_of_unknown_length_is_cut_at_the_limit() {
    let message = message_of(300);
    let in_pieces = || pieces(message.chunks(7).map(<[u8]>::to_vec).collect::<Vec<_>>());

    let response = send(&limited(300), post(ECHO, in_pieces())).await;
    assert_eq!(response.status(), 200);
    assert_eq!(response.body()[..], message[..]);

    let response = send(&limited(299), post(ECHO, in_pieces())).await;
    check_error(&response, 429, "resource_exhausted");
}

#[tokio::test]
async fn a_method_s_own_limit_wins_over_the_router_s() {
    let server =
        EchoServer::new(App::default()).with_alias("echo_svc").with_body_limit("Echo", 200);
    let router = Router::new().with_body_limit(20).add(server);
    assert_eq!(send(&router, post(ECHO, message_of(200))).await.status(), 200);
    check_error(&send(&router, post(ECHO, message_of(201))).await, 429, "resource_exhausted");
    let look = post("/echo_svc/Look", message_of(21));
    check_error(&send(&router, look).await, 429, "resource_exhausted");
}

#[tokio::test]
async fn a_layer_does_not_lift_the_limit() {
    let router = limited(20).layer(tower::layer::util::Identity::new());
    check_error(&send(&router, post(ECHO, message_of(21))).await, 429, "resource_exhausted");
}

#[tokio::test]
async fn the_default_limit_holds_over_a_socket() {
    let running = Running::start(App::default().router()).await;
    let data = Bytes::from(vec![7; Router::BODY_LIMIT + 1]);
    let error = running.client().echo(Ping { data, ..Ping::default() }).await.unwrap_err();
    assert_eq!(error.code(), Code::ResourceExhausted, "{error}");
}

#[tokio::test]
async fn a_client_that_asks_first_is_refused_before_it_sends() {
    let running = Running::start(limited(10)).await;
    let head = "POST /echo_svc/Echo HTTP/1.1\r\nhost: a\r\ncontent-type: application/protobuf\r\n\
                content-length: 11\r\nexpect: 100-continue\r\nconnection: close\r\n\r\n";
    let answer = raw(running.address(), head.as_bytes()).await;
    assert!(answer.starts_with("HTTP/1.1 429"), "{answer}");
}

#[tokio::test(start_paused = true)]
async fn a_sender_that_falls_silent_is_given_up() {
    let silent = futures_util::stream::pending::<Result<Frame<Bytes>, Infallible>>();
    let router = App::default().router().with_body_idle(Duration::from_secs(3));
    let response = send(&router, post(ECHO, Body::new(StreamBody::new(silent)))).await;
    let message = check_error(&response, 408, "deadline_exceeded");
    assert!(message.contains("3s"), "{message}");
}

#[tokio::test(start_paused = true)]
async fn a_sender_that_trickles_is_given_up() {
    let trickle = futures_util::stream::unfold((), |()| async {
        tokio::time::sleep(Duration::from_secs(2)).await;
        Some((Ok::<_, Infallible>(Frame::data(Bytes::from_static(b"\0"))), ()))
    });
    let router = App::default().router().with_body_idle(Duration::from_secs(3));
    let start = tokio::time::Instant::now();
    let response = send(&router, post(ECHO, Body::new(StreamBody::new(trickle)))).await;
    check_error(&response, 408, "deadline_exceeded");
    assert!(start.elapsed() < Duration::from_secs(10));
}

#[tokio::test(start_paused = true)]
async fn a_slow_sender_that_keeps_pace_is_served() {
    let message = message_of(100_000);
    let slowly =
        futures_util::stream::iter(message.chunks(10_000).map(<[u8]>::to_vec).collect::<Vec<_>>());
    let slowly = futures_util::StreamExt::then(slowly, |piece| async {
        tokio::time::sleep(Duration::from_secs(2)).await;
        Ok::<_, Infallible>(Frame::data(Bytes::from(piece)))
    });
    let router = App::default().router().with_body_idle(Duration::from_secs(3));
    let response = send(&router, post(ECHO, Body::new(StreamBody::new(slowly)))).await;
    assert_eq!(response.status(), 200);
}

#[tokio::test]
async fn a_body_that_breaks_off_is_no_message() {
    let broken =
        futures_util::stream::iter([Ok(Frame::data(Bytes::from_static(b"\x0a"))), Err("gone")]);
    let response =
        send(&App::default().router(), post(ECHO, Body::new(StreamBody::new(broken)))).await;
    check_error(&response, 408, "canceled");
}

#[tokio::test]
async fn an_answer_over_the_client_s_limit_is_refused() {
    let client = App::default().client().with_response_limit(10);
    let error = client.echo(ping("more than ten")).await.unwrap_err();
    assert_eq!(error.code(), Code::ResourceExhausted);
    assert!(error.message().contains("10 bytes"), "{error}");
}

#[tokio::test(start_paused = true)]
async fn a_refusal_does_not_wait_for_the_body() {
    let begins_with = |first: &'static [u8]| {
        let first = futures_util::stream::iter([Ok::<_, Infallible>(Frame::data(first.into()))]);
        let then_nothing = futures_util::StreamExt::chain(first, futures_util::stream::pending());
        Body::new(StreamBody::new(then_nothing))
    };
    let router = limited(10).with_body_idle(Duration::from_secs(3));
    let begun = tokio::time::Instant::now();
    check_error(&send(&router, post("/nowhere", begins_with(b"a"))).await, 404, "bad_route");
    check_error(
        &send(&router, post(ECHO, begins_with(b"more than ten"))).await,
        429,
        "resource_exhausted",
    );
    for first in [&b"\0\0\0\0\x0b"[..], b"\0\xff\xff\xff\xff and a part of it"] {
        let request = Request::post("/echo.v1.Echo/Echo").version(Version::HTTP_2);
        let request = request.header("content-type", "application/grpc").header("te", "trailers");
        let refused = send(&router, request.body(begins_with(first)).unwrap()).await;
        assert_eq!(refused.headers()["grpc-status"], "8", "{refused:?}");
    }
    assert_eq!(begun.elapsed(), Duration::ZERO);
}

#[tokio::test]
async fn a_client_that_is_refused_while_it_sends_is_not_cut_off() {
    let running = Running::start(App::default().router()).await;
    let mut stream = TcpStream::connect(running.address()).await.unwrap();
    stream
        .write_all(b"POST /no HTTP/1.1\r\nhost: a\r\ncontent-length: 300000\r\n\r\n")
        .await
        .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 404"), "{answer}");
    for _ in 0..3 {
        // A connection that was closed takes the first piece and is reset by it.
        stream.write_all(&[0; 100_000]).await.unwrap();
    }
}
