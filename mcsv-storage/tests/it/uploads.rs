use std::time::Duration;

use bytes::Bytes;
use futures_util::{StreamExt, stream};
use http::{Request, Response, StatusCode};
use http_body::Frame;
use http_body_util::{BodyExt, StreamBody};
use mcsv_storage::{ObjectKey, PresignPut, Signer, SigningKeys, StorageBody, Store};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tower::ServiceExt;

use crate::server::{listen, serve};

struct World {
    store: Store,
    signer: Signer,
    key: ObjectKey,
}

fn world(url: &str) -> World {
    let store = Store::from_url(url).unwrap();
    let signer = store.signer(SigningKeys::random().unwrap()).with_public_base("http://h").unwrap();
    World { store, signer, key: ObjectKey::parse("k").unwrap() }
}

impl World {
    /// Sends a body of unknown length.
    async fn send(
        &self,
        link: PresignPut,
        pieces: impl futures_core::Stream<Item = Result<Bytes, std::io::Error>> + Send + 'static,
    ) -> Response<StorageBody> {
        let body = StreamBody::new(pieces.map(|piece| piece.map(Frame::data)));
        let request = Request::put(link.sign().unwrap().url()).body(body).unwrap();
        self.signer.service().oneshot(request).await.unwrap()
    }

    async fn is_absent(&self) -> bool {
        self.store.stat(&self.key).await.is_err_and(|e| e.is_not_found())
    }
}

fn piece(len: usize) -> Result<Bytes, std::io::Error> {
    Ok(Bytes::from(vec![7; len]))
}

#[tokio::test(start_paused = true)]
async fn a_sender_that_falls_silent_is_cut() {
    let world = world("memory:");
    let silent = stream::iter([piece(10)]).chain(stream::pending());

    let answer = world.send(world.signer.presign_put(&world.key), silent).await;

    assert_eq!(answer.status(), StatusCode::REQUEST_TIMEOUT);
    assert!(world.is_absent().await);
}

#[tokio::test(start_paused = true)]
async fn a_sender_that_drips_for_ever_is_cut() {
    let world = world("memory:");
    let drip = stream::repeat(()).then(|()| async {
        tokio::time::sleep(Duration::from_secs(20)).await;
        piece(1)
    });

    let answer = world.send(world.signer.presign_put(&world.key), drip).await;

    assert_eq!(answer.status(), StatusCode::REQUEST_TIMEOUT);
    assert!(world.is_absent().await);
}

#[tokio::test]
async fn an_unannounced_length_is_counted() {
    let world = world("memory:");
    let put = || world.signer.presign_put(&world.key);
    let endless = || stream::repeat_with(|| piece(1000));

    let answer = world.send(put().exact_len(10), stream::iter([piece(10)])).await;
    assert_eq!(answer.status(), StatusCode::LENGTH_REQUIRED);
    let answer = world.send(put().max_len(100_000), endless()).await;
    assert_eq!(answer.status(), StatusCode::PAYLOAD_TOO_LARGE);
    assert!(world.is_absent().await);
    let answer = world.send(put().max_len(10), stream::iter([piece(4), piece(6)])).await;
    assert_eq!(answer.status(), StatusCode::OK);
}

#[tokio::test]
async fn the_service_has_a_limit_of_its_own() {
    let world = world("memory:");
    let link = world.signer.presign_put(&world.key).max_len(1000).sign().unwrap();
    let body = http_body_util::Full::from(vec![1; 11]);
    let service = world.signer.service().with_max_upload(10);

    let answer = service.oneshot(Request::put(link.url()).body(body).unwrap()).await.unwrap();

    assert_eq!(answer.status(), StatusCode::PAYLOAD_TOO_LARGE);
}

#[tokio::test]
async fn a_sender_may_ask_to_create_only_and_for_no_other_condition() {
    let world = world("memory:");
    let link = world.signer.presign_put(&world.key).sign().unwrap();
    let put = async |name: &str, value: &str| {
        let request = Request::put(link.url()).header(name, value);
        let body = http_body_util::Full::from("hello");
        world.signer.service().oneshot(request.body(body).unwrap()).await.unwrap().status()
    };

    for (name, value) in [
        ("if-none-match", "\"a\""),
        ("if-match", "*"),
        ("if-unmodified-since", "Thu, 01 Jan 2026 00:00:00 GMT"),
    ] {
        assert_eq!(put(name, value).await, StatusCode::NOT_IMPLEMENTED, "{name}");
        assert!(world.is_absent().await);
    }
    assert_eq!(put("if-none-match", "*").await, StatusCode::OK);
    assert_eq!(put("if-none-match", "*").await, StatusCode::PRECONDITION_FAILED);
}

#[tokio::test]
async fn a_reader_may_ask_for_the_content_that_it_knows() {
    let world = world("memory:");
    let etag = world.store.put(&world.key, "hello").await.unwrap().etag.unwrap();
    let link = world.signer.presign_get(&world.key).sign().unwrap();
    let get = async |name: &str, value: &str| {
        let request = Request::get(link.url()).header(name, value);
        let request = request.body(http_body_util::Empty::<Bytes>::new()).unwrap();
        world.signer.service().oneshot(request).await.unwrap().status().as_u16()
    };
    let (past, future) = ("Thu, 01 Jan 1998 00:00:00 GMT", "Thu, 01 Jan 2122 00:00:00 GMT");

    assert_eq!(get("if-match", &etag).await, 200);
    assert_eq!(get("if-match", "\"other\"").await, 412);
    assert_eq!(get("if-none-match", &etag).await, 304);
    assert_eq!(get("if-unmodified-since", future).await, 200);
    assert_eq!(get("if-unmodified-since", past).await, 412);
    assert_eq!(get("if-modified-since", future).await, 304);
    assert_eq!(get("if-modified-since", past).await, 200);
}

#[tokio::test]
async fn content_that_breaks_off_is_not_stored() {
    let world = world("memory:");
    let broken = stream::iter([piece(10), Err(std::io::Error::other("reset"))]);

    let answer = world.send(world.signer.presign_put(&world.key), broken).await;

    assert_eq!(answer.status(), StatusCode::BAD_REQUEST);
    assert!(world.is_absent().await);
}

#[tokio::test]
async fn streams_64_mib_up_and_down_in_small_pieces() {
    const PIECES: usize = 1024;
    const PIECE: usize = 64 * 1024;
    let folder = tempfile::tempdir().unwrap();
    let world = world(&format!("fs://{}", folder.path().display()));
    let up = stream::iter(0..PIECES).map(|_| piece(PIECE));

    let answer = world.send(world.signer.presign_put(&world.key), up).await;
    assert_eq!(answer.status(), StatusCode::OK);

    let link = world.signer.presign_get(&world.key).sign().unwrap();
    let request = Request::get(link.url()).body(http_body_util::Empty::<Bytes>::new()).unwrap();
    let mut body = world.signer.service().oneshot(request).await.unwrap().into_body();
    let mut len = 0;
    while let Some(frame) = body.frame().await {
        let piece = frame.unwrap().into_data().unwrap();
        assert!(piece.len() <= 256 * 1024, "a piece of {} bytes", piece.len());
        assert!(piece.iter().all(|byte| *byte == 7));
        len += piece.len();
    }
    assert_eq!(len, PIECES * PIECE);
}

/// Sends all of it before it reads a word, as many clients do, and gives the status.
async fn blunt_put(server: std::net::SocketAddr, target: &str, body: &[u8]) -> String {
    let mut socket = tokio::net::TcpStream::connect(server).await.unwrap();
    let head = format!(
        "PUT {target} HTTP/1.1\r\nhost: h\r\ncontent-type: a/b\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    socket.write_all(head.as_bytes()).await.unwrap();
    socket.write_all(body).await.unwrap();
    let mut answer = vec![0; 12];
    socket.read_exact(&mut answer).await.unwrap();
    String::from_utf8(answer).unwrap()
}

#[tokio::test]
async fn a_refusal_reaches_who_sends_all_before_reading() {
    let world = world("memory:");
    let (listener, address) = listen().await;
    serve(listener, world.signer.service()).await;
    let large = vec![7; 20 << 20];
    let put = || world.signer.presign_put(&world.key);
    let target = |link: PresignPut| link.sign().unwrap().url().replace("http://h", "");
    let read = world.signer.presign_get(&world.key).sign().unwrap().url().replace("http://h", "");

    let too_large = blunt_put(address, &target(put().max_len(10)), &large).await;
    assert_eq!(too_large, "HTTP/1.1 413");
    let other_type = blunt_put(address, &target(put().content_type("image/png")), &large).await;
    assert_eq!(other_type, "HTTP/1.1 415");
    assert_eq!(blunt_put(address, "/k?sig=x", &large).await, "HTTP/1.1 403");
    assert_eq!(blunt_put(address, &read, &large).await, "HTTP/1.1 405");
    assert!(world.is_absent().await);
}

#[tokio::test]
async fn who_asks_first_is_refused_before_sending() {
    let world = world("memory:");
    let (listener, address) = listen().await;
    serve(listener, world.signer.service()).await;
    let link = world.signer.presign_put(&world.key).max_len(10).sign().unwrap();
    let target = link.url().replace("http://h", "");
    let mut socket = tokio::net::TcpStream::connect(address).await.unwrap();
    let head = format!(
        "PUT {target} HTTP/1.1\r\nhost: h\r\nexpect: 100-continue\r\ncontent-length: 11\r\n\r\n"
    );
    socket.write_all(head.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    socket.read_to_end(&mut answer).await.unwrap();

    let answer = String::from_utf8(answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 413"), "{answer}");
}
