//! A bucket that is away is an error that a retry can help.

use bytes::Bytes;
use http_body_util::Empty;
use mcsv_storage::{Error, ErrorKind, ObjectKey, SigningKeys, Store};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tower::ServiceExt;

/// A server that reads the head of a request, says this, and hangs up.
async fn server(says: String) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        while let Ok((mut socket, _)) = listener.accept().await {
            let says = says.clone();
            tokio::spawn(async move {
                let mut head = vec![0; 64 * 1024];
                let _ = socket.read(&mut head).await;
                let _ = socket.write_all(says.as_bytes()).await;
            });
        }
    });
    endpoint
}

#[track_caller]
fn check(error: &Error, when: &str) {
    let told = (error.kind(), error.is_retryable());
    assert_eq!(told, (ErrorKind::Unavailable, true), "{when}: {error:?}");
}

async fn check_outage(endpoint: &str, when: &str) {
    let url = format!("s3://b?endpoint={endpoint}&access_key_id=a&secret_access_key=b");
    let store = Store::from_url(&url).unwrap();
    let key = ObjectKey::parse("k").unwrap();
    let signer = store.signer(SigningKeys::random().unwrap());
    let signer = signer.with_public_base("http://host/files").unwrap();
    let link = signer.presign_get(&key).sign().unwrap();
    let request = http::Request::get(link.url()).body(Empty::<Bytes>::new()).unwrap();
    // The retries of all of them wait at once.
    let (put, get, stat, list, deleted, answer) = tokio::join!(
        store.put(&key, "x").into_future(),
        store.get(&key).into_future(),
        store.stat(&key),
        store.list().into_future(),
        store.delete(&key),
        signer.service().oneshot(request),
    );
    check(&put.unwrap_err(), when);
    check(&get.unwrap_err(), when);
    check(&stat.unwrap_err(), when);
    check(&list.unwrap_err(), when);
    check(&deleted.unwrap_err(), when);
    assert_eq!(answer.unwrap().status(), 503, "{when}");
}

#[tokio::test]
async fn a_bucket_that_is_away_is_unavailable() {
    let answer = |status: &str| {
        server(format!("HTTP/1.1 {status}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"))
    };
    let (broken, busy, mute) =
        (answer("500 Broken").await, answer("503 Busy").await, server(String::new()).await);
    let refused = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let refused = format!("http://{refused}");
    tokio::join!(
        check_outage(&broken, "500"),
        check_outage(&busy, "503"),
        check_outage(&mute, "closed"),
        check_outage(&refused, "refused"),
    );
}

/// Time is paused, so that nobody waits for the limits.
#[tokio::test(start_paused = true)]
async fn a_bucket_that_takes_requests_and_says_nothing_is_away() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        let mut held = Vec::new();
        while let Ok((socket, _)) = listener.accept().await {
            held.push(socket);
        }
    });
    check_outage(&endpoint, "silent").await;
}

#[tokio::test]
async fn a_bucket_that_finds_a_request_wrong_is_not_away() {
    let says = "HTTP/1.1 400 Wrong\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
    let endpoint = server(says.to_owned()).await;
    let url = format!("s3://b?endpoint={endpoint}&access_key_id=a&secret_access_key=b");
    let store = Store::from_url(&url).unwrap();

    let wrong = store.stat(&ObjectKey::parse("k").unwrap()).await.unwrap_err();
    assert_eq!((wrong.kind(), wrong.is_retryable()), (ErrorKind::Internal, false), "{wrong:?}");
}

#[tokio::test]
async fn a_bucket_that_is_not_there_is_named() {
    let body = "<Error><Code>NoSuchBucket</Code><Message>none</Message></Error>";
    let says = format!(
        "HTTP/1.1 404 None\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
        body.len()
    );
    let endpoint = server(says).await;
    let url = format!("s3://elsewhere?endpoint={endpoint}&access_key_id=a&secret_access_key=b");
    let store = Store::from_url(&url).unwrap();

    let put = store.put(&ObjectKey::parse("k").unwrap(), "x").await.map(drop);
    let list = store.list().await.map(drop);
    for error in [put, list].map(Result::unwrap_err) {
        assert_eq!(error.kind(), ErrorKind::Config, "{error:?}");
        assert!(error.to_string().contains("no bucket elsewhere"), "{error}");
    }
}
