//! The same bytes to this and to hyper alone: the answers have to be the same.

use std::convert::Infallible;
use std::hash::{BuildHasher, BuildHasherDefault, DefaultHasher};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Request, Response};
use http_body::Frame;
use http_body_util::{BodyExt, StreamBody};
use proptest::prelude::*;
use proptest::sample::{Index, select};
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tower::service_fn;

use crate::server::activity::{Activity, Wish};
use crate::server::connection::{ConnectionOptions, Serving, serve_any_http1, serve_http1};
use crate::server::watched::WatchedStream;
use crate::{Body, BoxError, Router};

#[derive(Clone, Copy, Debug, PartialEq)]
enum By {
    Hyper,
    Us,
}

/// Answers in each of the ways that a service can.
async fn in_each_way(request: Request<Body>) -> Result<Response<Body>, Infallible> {
    let (parts, body) = request.into_parts();
    let seen = parts.headers.get_all("x-seen").iter().count();
    let answer = Response::builder().header("x-seen", seen).header("x-path", parts.uri.path());
    let data = |bytes: &'static [u8]| Ok::<_, BoxError>(Frame::data(Bytes::from_static(bytes)));
    let pieces = |frames| Body::new(StreamBody::new(futures_util::stream::iter(frames)));
    static LARGE: [u8; 100_000] = [b'l'; 100_000];
    // Unread, it would depend on the time whether the connection can be kept.
    let Ok(body) = body.collect().await else {
        return Ok(answer.status(400).body(Body::empty()).unwrap());
    };
    let (answer, body) = match parts.uri.path() {
        "/echo" => (answer, body.to_bytes().into()),
        "/late" => {
            tokio::time::sleep(Duration::from_millis(1)).await;
            (answer, Body::from("late"))
        }
        "/large" => (answer, Body::from(Bytes::from_static(&LARGE))),
        "/pieces" => {
            let mut trailers = HeaderMap::new();
            trailers.insert("x-trailer", HeaderValue::from_static("a"));
            let last = Ok(Frame::trailers(trailers));
            (answer, pieces(vec![data(b"ab"), data(b""), data(&LARGE), data(b"c"), last]))
        }
        "/declared" => (answer.header("content-length", 3), pieces(vec![data(b"ab"), data(b"c")])),
        "/none" => (answer.status(204), Body::empty()),
        "/unchanged" => (answer.status(304), Body::empty()),
        "/last" => (answer.header("connection", "close"), Body::from("bye")),
        _ => (answer.status(404).header("date", "never"), Body::empty()),
    };
    Ok(answer.body(body).unwrap())
}

fn serving(router: Router) -> Serving {
    Serving {
        router,
        activity: Arc::new(Activity::default()),
        max_header_bytes: 8 * 1024,
        #[cfg(feature = "tls")]
        certificate: None,
    }
}

/// A client's end, and what the server ends with.
fn connect(serving: Serving) -> (DuplexStream, JoinHandle<Result<(), BoxError>>) {
    let (client, stream) = tokio::io::duplex(1024);
    let stream = WatchedStream::new(stream, serving.activity.clone());
    (client, tokio::spawn(serve_http1(stream, serving, ConnectionOptions::new())))
}

/// What comes back for `pieces`, until the server ends the connection or has nothing to say.
fn answers(by: By, pieces: &[&[u8]]) -> Vec<u8> {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
    runtime.unwrap().block_on(async {
        let (mut client, stream) = tokio::io::duplex(64 * 1024);
        let serving = serving(Router::new().nest("/", service_fn(in_each_way)));
        let stream = WatchedStream::new(stream, serving.activity.clone());
        let options = ConnectionOptions { max_header_bytes: 8 * 1024, ..ConnectionOptions::new() };
        let served = tokio::spawn(async move {
            match by {
                By::Hyper => serve_any_http1(stream, serving, options).await,
                By::Us => serve_http1(stream, serving, options).await,
            }
        });
        let mut answers = Vec::new();
        for piece in pieces {
            let written = timeout(Duration::from_secs(1), client.write_all(piece));
            if !matches!(written.await, Ok(Ok(()))) {
                break;
            }
            // Paused time goes on when the server waits for more.
            let _ = timeout(Duration::from_millis(10), client.read_buf(&mut answers)).await;
        }
        let _ = timeout(Duration::from_secs(1), client.read_to_end(&mut answers)).await;
        served.abort();
        answers
    })
}

/// Answers without what may differ: the order of headers, how a body is framed, and when it was.
fn read(mut bytes: &[u8]) -> Vec<String> {
    let mut read = Vec::new();
    while !bytes.is_empty() {
        let mut lines = [httparse::EMPTY_HEADER; 16];
        let mut head = httparse::Response::new(&mut lines);
        let Ok(httparse::Status::Complete(end)) = head.parse(bytes) else {
            read.push(format!("no answer: {:?}", String::from_utf8_lossy(bytes)));
            break;
        };
        bytes = &bytes[end..];
        let mut shown = vec![format!("{:?}", head.code)];
        let (mut length, mut chunked) = (0, false);
        for line in head.headers.iter() {
            let value = String::from_utf8_lossy(line.value);
            match line.name {
                "content-length" => length = value.parse().unwrap(),
                "transfer-encoding" => chunked = true,
                "date" if value != "never" => continue,
                _ => {}
            }
            shown.push(format!("{}: {value}", line.name));
        }
        shown[1..].sort();
        let mut body = Vec::new();
        if chunked {
            while let Ok(httparse::Status::Complete((begin, size))) =
                httparse::parse_chunk_size(bytes)
            {
                let end = begin + size as usize;
                body.extend_from_slice(&bytes[begin..end]);
                assert_eq!(&bytes[end..end + 2], b"\r\n");
                bytes = &bytes[end + 2..];
                if size == 0 {
                    break;
                }
            }
        } else if let Some((own, rest)) = bytes.split_at_checked(length) {
            (body, bytes) = (own.to_vec(), rest);
        }
        let begin = String::from_utf8_lossy(&body[..body.len().min(100)]);
        let hash = BuildHasherDefault::<DefaultHasher>::default().hash_one(&body);
        shown.push(format!("{} bytes, {hash:x}: {begin}", body.len()));
        read.push(shown.join("\n"));
    }
    read
}

#[track_caller]
fn compare(pieces: &[&[u8]]) {
    let (theirs, ours) = (answers(By::Hyper, pieces), answers(By::Us, pieces));
    let sent = pieces.iter().map(|piece| String::from_utf8_lossy(piece)).collect::<Vec<_>>();
    assert_eq!(read(&ours), read(&theirs), "for {sent:?}");
}

const PATHS: [&str; 9] = [
    "/echo",
    "/late",
    "/large",
    "/pieces",
    "/declared",
    "/none",
    "/unchanged",
    "/last",
    "/nowhere?a=b",
];

#[test]
fn each_kind_of_answer_is_as_hyper_gives_it() {
    for path in PATHS {
        let request = format!("POST {path} HTTP/1.1\r\nhost: h\r\ncontent-length: 4\r\n\r\nbody");
        let twice = request.repeat(2);
        compare(&[request.as_bytes()]);
        compare(&[twice.as_bytes()]);
        compare(&[request.as_bytes(), request.as_bytes()]);
        let answered = read(&answers(By::Us, &[request.as_bytes()]));
        assert_eq!(answered.len(), 1, "{answered:?}");
    }
}

#[test]
fn a_request_may_be_cut_anywhere() {
    let requests = "POST /echo HTTP/1.1\r\nhost: h\r\nx-seen: 1\r\ncontent-length: 4\r\n\r\nbody\
                    GET /late HTTP/1.1\r\nhost: h\r\nconnection: close\r\n\r\n";
    for at in 0..requests.len() {
        let (begin, end) = requests.as_bytes().split_at(at);
        compare(&[begin, end]);
    }
    let bytes: Vec<_> = requests.as_bytes().chunks(1).collect();
    compare(&bytes);
}

/// One request, seldom a right one.
fn request() -> impl Strategy<Value = String> {
    let method = prop_oneof![
        6 => Just("POST"), 2 => Just("GET"), 1 => Just("HEAD"), 1 => Just("PUT"), 1 => Just("G/T"),
        1 => Just("CONNECT"), 1 => Just("OPTIONS"),
    ];
    let path = prop_oneof![
        12 => select(PATHS.to_vec()).prop_map(str::to_owned),
        1 => Just("*".to_owned()),
        1 => Just("http://h/echo".to_owned()),
        1 => "/[ -~]{0,8}",
    ];
    let version = prop_oneof![12 => Just("1.1"), 1 => Just("1.0"), 1 => Just("2.0")];
    let line = prop_oneof![
        1 => Just("host: other"), 8 => Just("x-seen: a"), 2 => Just("X-Seen:"),
        2 => Just("connection: keep-alive"), 1 => Just("connection: close"),
        1 => Just("Connection: keep-alive, close"), 1 => Just("connection: upgrade\r\nupgrade: h2c"),
        1 => Just("expect: 100-continue"), 1 => Just(" folded"), 1 => Just("no colon"),
        1 => Just("a b: c"), 1 => Just("content-length: 3"), 1 => Just("content-length: 03"),
        1 => Just("content-length: -1"), 1 => Just("transfer-encoding: gzip"),
        1 => Just("te: trailers"), 1 => Just("x-\u{e9}: a"), 1 => Just("x-seen: \u{e9}"),
    ];
    let body = prop_oneof![
        6 => "[a-z]{0,40}".prop_map(|body| format!("content-length: {}\r\n\r\n{body}", body.len())),
        // What is read by us, and what is too long for that.
        1 => select(vec![20_000, 100_000, 140_000]).prop_map(|length| {
            format!("content-length: {length}\r\n\r\n{}", "long".repeat(length / 4))
        }),
        2 => "[a-z]{1,9}".prop_map(|body| {
            format!("transfer-encoding: chunked\r\n\r\n{:x}\r\n{body}\r\n0\r\n\r\n", body.len())
        }),
        2 => Just("\r\n".to_owned()),
        1 => Just("content-length: 4\r\n\r\nab".to_owned()),
    ];
    let host = prop_oneof![20 => Just("host: h\r\n"), 1 => Just("")];
    let lines = proptest::collection::vec(line, 0..5);
    let all = (method, path, version, host, lines, body);
    all.prop_map(|(method, path, version, host, lines, body)| {
        let lines: String = lines.iter().map(|line| format!("{line}\r\n")).collect();
        format!("{method} {path} HTTP/{version}\r\n{host}{lines}{body}")
    })
}

proptest! {
    #[test]
    fn whatever_is_sent_the_answers_are_hypers(
        requests in proptest::collection::vec(request(), 1..5),
        cuts in proptest::collection::vec(any::<Index>(), 0..4),
        changed in proptest::option::weighted(0.2, (any::<Index>(), any::<u8>())),
    ) {
        let mut bytes = requests.concat().into_bytes();
        if let Some((at, byte)) = changed {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        let mut cuts: Vec<_> = cuts.iter().map(|cut| cut.index(bytes.len())).collect();
        cuts.sort_unstable();
        let mut pieces = Vec::new();
        let mut begin = 0;
        for end in cuts.into_iter().chain([bytes.len()]) {
            pieces.push(&bytes[begin..end]);
            begin = end;
        }
        compare(&pieces);
    }
}

/// Counts the futures that were dropped before their end.
struct Cancelled(Arc<AtomicUsize>);

impl Future for Cancelled {
    type Output = Result<Response<Body>, Infallible>;

    fn poll(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Self::Output> {
        Poll::Pending
    }
}

impl Drop for Cancelled {
    fn drop(&mut self) {
        self.0.fetch_add(1, Relaxed);
    }
}

#[tokio::test(start_paused = true)]
async fn a_client_that_leaves_gives_its_call_up() {
    let cancelled = Arc::new(AtomicUsize::new(0));
    let counted = cancelled.clone();
    let endless = service_fn(move |_: Request<Body>| Cancelled(counted.clone()));
    let serving = serving(Router::new().nest("/", endless));
    let (mut client, served) = connect(serving);
    client.write_all(b"GET / HTTP/1.1\r\nhost: h\r\n\r\nGET / HTTP/1.1\r\n").await.unwrap();
    let silence = timeout(Duration::from_secs(60), client.read_u8()).await;
    assert!(silence.is_err(), "{silence:?}");
    assert_eq!(cancelled.load(Relaxed), 0);
    drop(client);
    served.await.unwrap().unwrap();
    assert_eq!(cancelled.load(Relaxed), 1);
}

#[tokio::test(start_paused = true)]
async fn a_body_may_take_its_time() {
    let serving = serving(Router::new().nest("/", service_fn(in_each_way)));
    let (mut client, served) = connect(serving);
    let head = b"POST /echo HTTP/1.1\r\nhost: h\r\nconnection: close\r\ncontent-length: 3\r\n\r\na";
    client.write_all(head).await.unwrap();
    for byte in b"bc" {
        let silence = timeout(Duration::from_secs(5), client.read_u8()).await;
        assert!(silence.is_err(), "{silence:?}");
        client.write_u8(*byte).await.unwrap();
    }
    let mut answer = String::new();
    client.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n") && answer.ends_with("abc"), "{answer}");
    served.await.unwrap().unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_request_on_its_way_is_answered_before_the_end() {
    let serving = serving(Router::new().nest("/", service_fn(in_each_way)));
    let activity = serving.activity.clone();
    let (mut client, served) = connect(serving);
    for path in ["/none", "/late"] {
        let request = format!("GET {path} HTTP/1.1\r\nhost: h\r\n\r\n");
        client.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        while !answer.contains("\r\n\r\n") {
            answer.push(char::from(client.read_u8().await.unwrap()));
        }
        assert_eq!(answer.contains("connection: close"), path == "/late", "{answer}");
        // The next request is sent before the client can know.
        activity.wish(Wish::Leave);
    }
    served.await.unwrap().unwrap();
}

#[tokio::test(start_paused = true)]
async fn an_idle_connection_that_should_go_is_soon_ended() {
    let serving = serving(Router::new().nest("/", service_fn(in_each_way)));
    let activity = serving.activity.clone();
    let (mut client, served) = connect(serving);
    client.write_all(b"GET /none HTTP/1.1\r\nhost: h\r\n\r\n").await.unwrap();
    tokio::task::yield_now().await;
    activity.wish(Wish::Leave);
    let mut answer = String::new();
    client.read_to_string(&mut answer).await.unwrap();
    assert_eq!(answer.matches("HTTP/1.1").count(), 1, "{answer}");
    served.await.unwrap().unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_connection_that_should_go_answers_first() {
    let serving = serving(Router::new().nest("/", service_fn(in_each_way)));
    let activity = serving.activity.clone();
    let (mut client, served) = connect(serving);
    client.write_all(b"GET /late HTTP/1.1\r\nhost: h\r\n\r\n").await.unwrap();
    tokio::task::yield_now().await;
    activity.wish(Wish::Leave);
    let mut answer = String::new();
    client.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
    assert!(answer.contains("\r\nconnection: close\r\n"), "{answer}");
    served.await.unwrap().unwrap();
}

#[tokio::test]
async fn an_answer_of_a_wrong_length_ends_the_connection() {
    let short = service_fn(|request: Request<Body>| async move {
        let declared = if request.uri() == "/short" { 9 } else { 1 };
        let body = [Ok::<_, BoxError>(Frame::data(Bytes::from_static(b"ab")))];
        let body = Body::new(StreamBody::new(futures_util::stream::iter(body)));
        Ok::<_, Infallible>(
            Response::builder().header("content-length", declared).body(body).unwrap(),
        )
    });
    for path in ["/short", "/long"] {
        let serving = serving(Router::new().nest("/", short));
        let (mut client, served) = connect(serving);
        client
            .write_all(format!("GET {path} HTTP/1.1\r\nhost: h\r\n\r\n").as_bytes())
            .await
            .unwrap();
        let mut answer = String::new();
        client.read_to_string(&mut answer).await.unwrap();
        served.await.unwrap().unwrap_err();
    }
}
