//! What a client makes of servers that lie, break off, stall or send too much.

use std::time::Duration;

use mcsv_rpc::{Channel, Code, Error, Protocol};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use crate::app::{EchoClient, ping};

/// Whether a connection stays open after the answer.
#[derive(Clone, Copy, PartialEq)]
enum Then {
    Closes,
    Stalls,
}

/// The error of a call that gets these bytes over a socket.
async fn error_of(protocol: Protocol, answer: Vec<u8>, then: Then) -> Error {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let server = tokio::spawn(async move {
        let (mut connection, _) = listener.accept().await.unwrap();
        let mut request = [0; 4096];
        assert!(connection.read(&mut request).await.unwrap() > 0);
        // The client may have had enough before the end.
        let _ = connection.write_all(&answer).await;
        if then == Then::Stalls {
            std::future::pending::<()>().await;
        }
    });
    let channel = Channel::connect(url).unwrap().with_protocol(protocol);
    let client = EchoClient::from_channel(channel.with_response_limit(1000));
    // Where the server ends the answer, the machine may take its time for it.
    let patience = Duration::from_millis(if then == Then::Stalls { 500 } else { 30_000 });
    let error = client.echo(ping("")).timeout(patience).await.unwrap_err();
    server.abort();
    error
}

async fn check(answer: impl Into<Vec<u8>>, then: Then, code: Code) {
    let answer = answer.into();
    for protocol in [Protocol::Twirp, Protocol::Connect] {
        let media = match protocol {
            Protocol::Twirp => "application/protobuf",
            _ => "application/proto",
        };
        let (head, body) = answer.split_at(answer.len().min(200));
        let head = String::from_utf8_lossy(head).replace("$TYPE", media).into_bytes();
        let error = error_of(protocol, [&head, body].concat(), then).await;
        assert_eq!(error.code(), code, "{protocol:?}: {error:?}");
    }
}

#[tokio::test]
async fn garbage_and_silence_are_unavailable() {
    check("\0\u{1}garbage\r\n\r\n", Then::Closes, Code::Unavailable).await;
    check("", Then::Closes, Code::Unavailable).await;
    check("HTTP/1.1 200 OK\r\n", Then::Closes, Code::Unavailable).await;
}

#[tokio::test]
async fn an_answer_that_breaks_off_is_unavailable() {
    let head = "HTTP/1.1 200 OK\r\ncontent-type: $TYPE\r\ncontent-length: 10\r\n\r\nabc";
    check(head, Then::Closes, Code::Unavailable).await;
}

#[tokio::test]
async fn an_answer_that_stalls_ends_at_the_deadline() {
    let head = "HTTP/1.1 200 OK\r\ncontent-type: $TYPE\r\ncontent-length: 10\r\n\r\nabc";
    check(head, Then::Stalls, Code::DeadlineExceeded).await;
    check("HTTP/1.1 200 OK\r\n", Then::Stalls, Code::DeadlineExceeded).await;
}

#[tokio::test]
async fn an_answer_that_says_it_is_large_is_not_read() {
    let head = "HTTP/1.1 200 OK\r\ncontent-type: $TYPE\r\ncontent-length: 10737418240\r\n\r\n";
    check(head, Then::Stalls, Code::ResourceExhausted).await;
}

#[tokio::test]
async fn an_answer_without_end_is_cut_at_the_limit() {
    let mut answer =
        b"HTTP/1.1 200 OK\r\ncontent-type: $TYPE\r\ntransfer-encoding: chunked\r\n\r\n".to_vec();
    for _ in 0..64 {
        answer.extend_from_slice(b"40\r\n");
        answer.extend_from_slice(&[b'x'; 64]);
        answer.extend_from_slice(b"\r\n");
    }
    check(answer, Then::Stalls, Code::ResourceExhausted).await;
}

#[tokio::test]
async fn a_coding_that_nobody_asked_for_is_internal() {
    let head = "HTTP/1.1 200 OK\r\ncontent-type: $TYPE\r\ncontent-encoding: br\r\n\
                content-length: 3\r\n\r\nabc";
    check(head, Then::Closes, Code::Internal).await;
}
