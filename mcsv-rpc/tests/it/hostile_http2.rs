//! HTTP/2 clients that mean harm, frame by frame.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::app::{App, EchoClient, Running, ping};

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

// RFC 9113, sections 6 and 7.
const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const PING: u8 = 6;
const GOAWAY: u8 = 7;
const CONTINUATION: u8 = 9;
const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;
const CANCEL: u32 = 8;
const ENHANCE_YOUR_CALM: u32 = 11;

fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    [&length[1..], &[kind, flags], &stream.to_be_bytes(), payload].concat()
}

/// A literal header that no table remembers.
fn literal(name: &str, value: &str) -> Vec<u8> {
    let length = |text: &str| match u8::try_from(text.len()) {
        Ok(length @ 0..127) => vec![length],
        // RFC 7541, section 5.1: what is beyond seven bits, in two bytes here.
        _ => {
            let rest = text.len() - 127;
            vec![127, (rest % 128) as u8 | 128, u8::try_from(rest / 128).unwrap()]
        }
    };
    [&[0][..], &length(name), name.as_bytes(), &length(value), value.as_bytes()].concat()
}

/// The head of a call, without its frame.
fn head() -> Vec<u8> {
    let post_http = vec![0x83, 0x86];
    let path = literal(":path", "/echo.v1.Echo/Wait");
    let rest = [literal(":authority", "a"), literal("content-type", "application/proto")];
    [post_http, path, rest.concat()].concat()
}

fn odd() -> impl Iterator<Item = u32> {
    (1..).step_by(2)
}

/// Sends all of it to a server of its own that serves others meanwhile, and gives what it hears.
async fn attack(frames: impl IntoIterator<Item = Vec<u8>>) -> Vec<Frame> {
    let running = Running::start(App::default().router()).await;
    let before = running.client();
    before.echo(ping("hi")).await.unwrap();
    let mut stream = TcpStream::connect(running.address()).await.unwrap();
    let (mut read, mut write) = stream.split();
    let mut heard = Vec::new();
    let send = async {
        write.write_all(&[PREFACE, &frame(SETTINGS, 0, 0, &[])].concat()).await?;
        for frame in frames {
            write.write_all(&frame).await?;
            tokio::task::yield_now().await;
        }
        std::io::Result::Ok(())
    };
    // Both may end in a reset, since the server does not wait for what else would come. Reading
    // ends only because the server closes the connection.
    let (_, _, ()) =
        tokio::join!(send, read.read_to_end(&mut heard), check_served(&running, &before));
    check_served(&running, &before).await;
    Frame::all(&heard)
}

async fn check_served(running: &Running, before: &EchoClient) {
    for client in [before, &running.client()] {
        for _ in 0..10 {
            assert_eq!(client.echo(ping("hi")).await.unwrap(), ping("hi"));
        }
    }
}

#[derive(Debug)]
struct Frame {
    kind: u8,
    payload: Vec<u8>,
}

impl Frame {
    fn all(mut bytes: &[u8]) -> Vec<Frame> {
        let mut frames = Vec::new();
        while let Some((head, rest)) = bytes.split_first_chunk::<9>() {
            let length = u32::from_be_bytes([0, head[0], head[1], head[2]]) as usize;
            let (payload, rest) = rest.split_at(length.min(rest.len()));
            frames.push(Frame { kind: head[3], payload: payload.to_vec() });
            bytes = rest;
        }
        frames
    }

    /// Why the connection was ended, of a frame that says so.
    fn goaway(&self) -> Option<u32> {
        let code = self.payload.get(4..8).filter(|_| self.kind == GOAWAY)?;
        Some(u32::from_be_bytes(code.try_into().unwrap()))
    }
}

#[track_caller]
fn check_goaway(heard: &[Frame], code: u32) {
    let codes: Vec<_> = heard.iter().filter_map(Frame::goaway).collect();
    assert_eq!(codes.last(), Some(&code), "{heard:?}");
}

#[tokio::test]
async fn a_thousand_resets_end_the_connection() {
    let hasty = odd().take(1000).map(|stream| {
        let open = frame(HEADERS, END_HEADERS | END_STREAM, stream, &head());
        [open, frame(RST_STREAM, 0, stream, &CANCEL.to_be_bytes())].concat()
    });
    // In one piece: a stream that the server has looked at before its reset does not count.
    let heard = attack([hasty.collect::<Vec<_>>().concat()]);
    check_goaway(&heard.await, ENHANCE_YOUR_CALM);
}

#[tokio::test]
async fn a_head_without_end_ends_the_connection() {
    let more = literal("x", &"a".repeat(8000));
    let open = frame(HEADERS, END_STREAM, 1, &head());
    let heard = attack(
        std::iter::once(open).chain(std::iter::repeat_n(frame(CONTINUATION, 0, 1, &more), 1000)),
    );
    check_goaway(&heard.await, ENHANCE_YOUR_CALM);
}

#[tokio::test]
async fn a_head_in_empty_pieces_ends_the_connection() {
    let open = frame(HEADERS, END_STREAM, 1, &head());
    let empty = std::iter::repeat_n(frame(CONTINUATION, 0, 1, &[]), 10_000);
    check_goaway(&attack(std::iter::once(open).chain(empty)).await, ENHANCE_YOUR_CALM);
}

#[tokio::test]
async fn a_stream_that_is_none_ends_the_connection() {
    let heard = attack([frame(PING, 0, 1, &[0; 8])]).await;
    // PROTOCOL_ERROR
    check_goaway(&heard, 1);
}

#[tokio::test]
async fn a_client_that_answers_no_ping_is_cut_off() {
    let often = Duration::from_millis(50);
    let app = App::default().router();
    let running = Running::start_with(app, |server| server.with_http2_keep_alive(often)).await;
    let answering = running.client();
    answering.echo(ping("hi")).await.unwrap();
    let mut stream = TcpStream::connect(running.address()).await.unwrap();
    stream.write_all(&[PREFACE, &frame(SETTINGS, 0, 0, &[])].concat()).await.unwrap();
    let mut heard = Vec::new();
    stream.read_to_end(&mut heard).await.unwrap();
    assert!(Frame::all(&heard).iter().any(|frame| frame.kind == PING), "{heard:?}");
    check_served(&running, &answering).await;
}

/// The status of the answer to a request whose body never comes.
async fn status(head: http::Request<()>) -> u16 {
    let running = Running::start(App::default().router()).await;
    let stream = TcpStream::connect(running.address()).await.unwrap();
    let (client, connection) = h2::client::handshake(stream).await.unwrap();
    tokio::spawn(connection);
    let mut client = client.ready().await.unwrap();
    let (answer, _body) = client.send_request(head, false).unwrap();
    let status = answer.await.unwrap().status().as_u16();
    // The connection is still good for others.
    let next = http::Request::get("http://a/nowhere").body(()).unwrap();
    let (answer, _) = client.ready().await.unwrap().send_request(next, true).unwrap();
    assert_eq!(answer.await.unwrap().status(), 404);
    status
}

fn post() -> http::request::Builder {
    http::Request::post("http://a/echo.v1.Echo/Echo").header("content-type", "application/proto")
}

#[tokio::test]
async fn ten_gib_are_refused_before_they_are_sent() {
    let request = post().header("content-length", 10_u64 << 30).header("expect", "100-continue");
    assert_eq!(status(request.body(()).unwrap()).await, 429);
}

#[tokio::test]
async fn a_large_head_is_refused_in_its_stream_alone() {
    let large =
        (0..15).fold(post(), |request, n| request.header(format!("x-{n}"), "a".repeat(10_000)));
    assert_eq!(status(large.body(()).unwrap()).await, 431);
}
