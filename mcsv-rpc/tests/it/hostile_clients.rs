//! Clients that mean harm: each is cut off at its limit, while others are served.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http_body::{Frame, SizeHint};
use http_body_util::StreamBody;
use mcsv_rpc::{Body, Router};
use prost::Message;
use tokio::time::Instant;

use crate::app::{App, EchoClient, Running, ping};
use crate::wire::{CODINGS, check_error, echo_request, packed, post, raw, send};

const TEN_GIB: u64 = 10 << 30;

/// A client that was there before, and one that comes now.
async fn check_served(running: &Running, before: &EchoClient) {
    for client in [before, &running.client()] {
        assert_eq!(client.echo(ping("hi")).await.unwrap(), ping("hi"));
    }
}

/// Sends `request` while others call, and gives the answer, which ends with the connection.
async fn attack(running: &Running, before: &EchoClient, request: &[u8]) -> String {
    let (answer, ()) = tokio::join!(raw(running.address(), request), check_served(running, before));
    check_served(running, before).await;
    answer
}

async fn start(app: Router) -> (Running, EchoClient) {
    let running = Running::start(app).await;
    let before = running.client();
    before.echo(ping("hi")).await.unwrap();
    (running, before)
}

#[tokio::test(start_paused = true)]
async fn a_byte_a_second_is_too_slow_for_the_default() {
    let message = ping(&"a".repeat(10_000)).encode_to_vec();
    let trickle = futures_util::stream::unfold(message.into_iter(), |mut rest| async {
        tokio::time::sleep(Duration::from_secs(1)).await;
        let byte = rest.next()?;
        Some((Ok::<_, Infallible>(Frame::data(Bytes::from(vec![byte]))), rest))
    });
    let router = App::default().router();
    let start = Instant::now();
    let slow = async {
        let response = send(&router, post("/echo_svc/Echo", Body::new(StreamBody::new(trickle))));
        check_error(&response.await, 408, "deadline_exceeded");
        start.elapsed()
    };
    let other = async {
        for _ in 0..20 {
            tokio::time::sleep(Duration::from_secs(1)).await;
            assert_eq!(send(&router, echo_request("hi")).await.status(), 200);
        }
    };
    let (took, ()) = tokio::join!(slow, other);
    assert!(took <= Router::BODY_IDLE + Duration::from_secs(1), "{took:?}");
}

/// Says that it has ten GiB and counts how often it is asked for them.
struct Declared(Arc<AtomicUsize>);

impl http_body::Body for Declared {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        self.0.fetch_add(1, Ordering::Relaxed);
        Poll::Pending
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(TEN_GIB)
    }
}

#[tokio::test(start_paused = true)]
async fn a_body_that_says_it_is_ten_gib_is_not_waited_for() {
    let start = Instant::now();
    let polled = Arc::new(AtomicUsize::new(0));
    let request = || post("/echo_svc/Echo", Body::new(Declared(polled.clone())));
    check_error(&send(&App::default().router(), request()).await, 429, "resource_exhausted");
    // It would drop what comes for a while, so that the client sees its answer.
    assert!(start.elapsed() <= Duration::from_secs(5));

    polled.store(0, Ordering::Relaxed);
    let mut asks_first = request();
    asks_first.headers_mut().insert("expect", "100-continue".parse().unwrap());
    check_error(&send(&App::default().router(), asks_first).await, 429, "resource_exhausted");
    assert_eq!(polled.load(Ordering::Relaxed), 0);
}

#[tokio::test]
async fn a_client_that_asks_first_to_send_ten_gib_is_never_told_to_go_on() {
    let (running, before) = start(App::default().router()).await;
    let head = format!(
        "POST /echo_svc/Echo HTTP/1.1\r\nhost: a\r\ncontent-type: application/protobuf\r\n\
         content-length: {TEN_GIB}\r\nexpect: 100-continue\r\n\r\n"
    );
    // The connection is closed too, unasked: what would follow on it is no request.
    let answer = attack(&running, &before, head.as_bytes()).await;
    assert!(answer.starts_with("HTTP/1.1 429"), "{answer}");
    assert!(!answer.contains("100 Continue"), "{answer}");
}

#[tokio::test]
async fn a_bomb_of_each_kind_is_cut_while_others_are_served() {
    let (running, before) = start(App::default().router()).await;
    let plain = ping(&"a".repeat(16 << 20)).encode_to_vec();
    for coding in CODINGS.0 {
        let bomb = packed(coding, &plain);
        let head = format!(
            "POST /echo_svc/Echo HTTP/1.1\r\nhost: a\r\ncontent-type: application/protobuf\r\n\
             content-encoding: {coding}\r\nconnection: close\r\ncontent-length: {}\r\n\r\n",
            bomb.len()
        );
        let answer = attack(&running, &before, &[head.as_bytes(), &bomb].concat()).await;
        assert!(answer.starts_with("HTTP/1.1 429"), "{answer}");
    }
}

#[tokio::test]
async fn two_lengths_that_disagree_carry_no_second_request() {
    let (running, before) = start(App::default().router()).await;
    let smuggled = "GET /smuggled HTTP/1.1\r\nhost: a\r\n\r\n";
    for lengths in [
        format!("content-length: {}\r\ntransfer-encoding: chunked", smuggled.len() + 5),
        "transfer-encoding: chunked\r\ncontent-length: 5".to_owned(),
        "transfer-encoding: chunked\r\ncontent-length: 5\r\nconnection: keep-alive".to_owned(),
    ] {
        let request = format!(
            "POST /echo_svc/Echo HTTP/1.1\r\nhost: a\r\ncontent-type: application/protobuf\r\n\
             {lengths}\r\n\r\n0\r\n\r\n{smuggled}"
        );
        // RFC 9112, section 6.3: the chunks count, and the connection ends with the answer.
        let answer = attack(&running, &before, request.as_bytes()).await;
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
        assert!(!answer.contains("smuggled"), "{answer}");
    }
}

#[tokio::test]
async fn a_length_that_is_none_is_refused() {
    let (running, before) = start(App::default().router()).await;
    for lengths in [
        "content-length: 5\r\ncontent-length: 6",
        "content-length: 5, 6",
        "content-length: -1",
        "content-length: +5",
        "content-length: 99999999999999999999",
        "transfer-encoding: gzip",
        "transfer-encoding: chunked, identity",
    ] {
        let request = format!(
            "POST /echo_svc/Echo HTTP/1.1\r\nhost: a\r\ncontent-type: application/protobuf\r\n\
             {lengths}\r\n\r\n0\r\n\r\n"
        );
        let answer = attack(&running, &before, request.as_bytes()).await;
        assert!(answer.starts_with("HTTP/1.1 400"), "{lengths}: {answer}");
    }
}

#[tokio::test]
async fn garbage_behind_a_good_request_ends_the_connection() {
    let (running, before) = start(App::default().router()).await;
    let good = "GET /nowhere HTTP/1.1\r\nhost: a\r\n\r\n";
    for garbage in ["\0\0\0\0\r\n\r\n", "GET\r\n\r\n", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"] {
        let requests = [good, good, garbage, good].concat();
        let answer = attack(&running, &before, requests.as_bytes()).await;
        assert_eq!(answer.matches("HTTP/1.1 404").count(), 2, "{answer}");
        assert!(answer.matches("HTTP/1.1 ").count() <= 3, "{answer}");
    }
}

#[tokio::test]
async fn a_head_that_leaves_open_what_it_means_is_refused() {
    let (running, before) = start(App::default().router()).await;
    for (lines, status) in [
        ("", "400"),
        ("host: a\r\nhost: b\r\n", "400"),
        ("host: a\r\ntransfer-encoding: gzip, chunked\r\n", "501"),
        ("host: a\r\ntransfer-encoding: gzip\r\ntransfer-encoding: chunked\r\n", "501"),
    ] {
        // An empty chunk, or a request that is not one.
        let head = format!("POST /nowhere HTTP/1.1\r\n{lines}\r\n0\r\n\r\n");
        let answer = raw(running.address(), head.as_bytes()).await;
        assert!(answer.starts_with(&format!("HTTP/1.1 {status}")), "{lines}: {answer}");
        assert_eq!(answer.matches("HTTP/1.1").count(), 1, "{answer}");
    }
    check_served(&running, &before).await;
}

#[tokio::test]
async fn heads_without_end_are_refused_in_any_shape() {
    let (running, before) = start(App::default().router()).await;
    let shapes = [
        "x: a\r\n".repeat(100_000),
        format!("x: {}\r\n", "a".repeat(1 << 20)),
        format!("{}: a\r\n", "x".repeat(1 << 20)),
        (0..64).map(|n| format!("x-{n}: {}\r\n", "a".repeat(4096))).collect(),
    ];
    for lines in shapes {
        // The end of the head never comes.
        let head = format!("GET / HTTP/1.1\r\nhost: a\r\n{lines}");
        let mut stream = tokio::net::TcpStream::connect(running.address()).await.unwrap();
        let (mut read, mut write) = stream.split();
        let mut answer = Vec::new();
        // Who is refused before all was sent may find the connection reset.
        let (_, _, ()) = tokio::join!(
            tokio::io::AsyncWriteExt::write_all(&mut write, head.as_bytes()),
            tokio::io::AsyncReadExt::read_to_end(&mut read, &mut answer),
            check_served(&running, &before),
        );
        let answer = String::from_utf8_lossy(&answer);
        assert!(answer.starts_with("HTTP/1.1 4"), "{answer}");
        check_served(&running, &before).await;
    }
}
