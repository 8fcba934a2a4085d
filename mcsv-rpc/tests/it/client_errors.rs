use std::convert::Infallible;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Request, Response};
use http_body_util::Full;
use mcsv_rpc::{Body, Channel, Code, Endpoints, Error};
use proptest::prelude::*;
use tokio::io::AsyncReadExt;

use crate::app::{EchoClient, ping};

/// The error of a call that gets this answer.
async fn error_of(status: u16, headers: HeaderMap, body: impl Into<Bytes>) -> Error {
    let body = body.into();
    let server = tower::service_fn(move |_: Request<Body>| {
        let mut response = Response::new(Full::new(body.clone()));
        *response.status_mut() = status.try_into().unwrap();
        *response.headers_mut() = headers.clone();
        async { Ok::<_, Infallible>(response) }
    });
    EchoClient::new(server).echo(ping("")).await.unwrap_err()
}

fn wait<F: Future>(future: F) -> F::Output {
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(future)
}

/// "HTTP Errors from Intermediary Proxies" in Twirp's documentation.
fn expected(status: u16) -> Code {
    match status {
        300..=400 => Code::Internal,
        401 => Code::Unauthenticated,
        403 => Code::PermissionDenied,
        404 => Code::BadRoute,
        429 | 502 | 503 | 504 => Code::Unavailable,
        _ => Code::Unknown,
    }
}

proptest! {
    #[test]
    fn an_answer_from_no_twirp_server_is_mapped_by_its_status(
        status in 201u16..=599,
        body in proptest::collection::vec(any::<u8>(), 0..600),
    ) {
        let error = wait(error_of(status, HeaderMap::new(), body));
        prop_assert_eq!(error.code(), expected(status));
        prop_assert_eq!(error.meta("http_error_from_intermediary"), Some("true"));
        let status = status.to_string();
        prop_assert_eq!(error.meta("status_code"), Some(status.as_str()));
        prop_assert!(error.meta("body").unwrap().chars().count() <= 512);
    }

    #[test]
    fn a_twirp_error_is_read_whatever_its_status(
        status in 201u16..=599,
        code in proptest::sample::select(Code::ALL.to_vec()),
        message in ".*",
        meta in proptest::collection::btree_map(".{0,8}", ".{0,8}", 0..4),
    ) {
        let body = serde_json::json!({"code": code.as_str(), "msg": message, "meta": meta});
        let error = wait(error_of(status, HeaderMap::new(), body.to_string()));
        prop_assert_eq!(error.code(), code);
        prop_assert_eq!(error.message(), message);
        prop_assert_eq!(error.metadata().count(), meta.len());
    }
}

#[tokio::test]
async fn both_spellings_of_data_loss_are_read() {
    for spelling in ["dataloss", "data_loss"] {
        let body = format!(r#"{{"code":"{spelling}","msg":""}}"#);
        assert_eq!(error_of(500, HeaderMap::new(), body).await.code(), Code::DataLoss);
    }
}

#[tokio::test]
async fn an_unknown_code_is_internal_and_named() {
    let error = error_of(500, HeaderMap::new(), r#"{"code":"sleepy","msg":"zzz"}"#).await;
    assert_eq!(error.code(), Code::Internal);
    assert!(error.message().contains("sleepy"), "{error}");
}

#[tokio::test]
async fn a_redirect_is_not_followed_and_shows_no_query() {
    let location = HeaderValue::from_static("https://store/object?signature=secret");
    let error = error_of(307, HeaderMap::from_iter([(http::header::LOCATION, location)]), "").await;
    assert_eq!(error.meta("location"), Some("https://store/object"));
}

#[tokio::test]
async fn a_retry_hint_of_a_proxy_is_read() {
    let headers = HeaderMap::from_iter([(http::header::RETRY_AFTER, HeaderValue::from(7))]);
    let error = error_of(503, headers, "busy").await;
    assert_eq!(error.retry_after(), Some(Duration::from_secs(7)));
}

#[tokio::test]
async fn a_page_with_status_200_is_no_message() {
    let html = HeaderValue::from_static("text/html");
    let headers = HeaderMap::from_iter([(http::header::CONTENT_TYPE, html)]);
    for headers in [headers, HeaderMap::new()] {
        assert_eq!(error_of(200, headers, "").await.code(), Code::Internal);
    }
}

#[tokio::test]
async fn an_answer_that_is_no_message_is_internal() {
    let protobuf = HeaderValue::from_static("application/protobuf");
    let headers = HeaderMap::from_iter([(http::header::CONTENT_TYPE, protobuf)]);
    let error = error_of(200, headers, &b"\xff"[..]).await;
    assert_eq!(error.code(), Code::Internal);
    assert!(error.message().contains("echo.v1.Echo/Echo"), "{error}");
}

#[tokio::test]
async fn a_server_that_is_not_there_is_unavailable_and_named() {
    // A port that was free a moment ago and that nobody listens on.
    let free = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let client = EchoClient::connect(format!("http://{free}/prefix")).unwrap();
    let error = client.echo(ping("")).await.unwrap_err();
    assert_eq!(error.code(), Code::Unavailable);
    assert!(error.message().contains(&format!("http://{free}/prefix")), "{error}");
    assert!(mcsv_rpc::NeverSent::is_in(&error));
}

#[tokio::test]
async fn a_server_that_hangs_up_may_have_seen_the_call() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let hanging_up = tokio::spawn(async move {
        let (mut connection, _) = listener.accept().await.unwrap();
        connection.read_u8().await.unwrap();
    });
    let client = EchoClient::connect(format!("http://{address}")).unwrap();

    let error = client.echo(ping("")).await.unwrap_err();

    hanging_up.await.unwrap();
    assert_eq!(error.code(), Code::Unavailable);
    assert!(!mcsv_rpc::NeverSent::is_in(&error), "{error:?}");
}

#[track_caller]
fn check_url(url: &str, part: &str) {
    let error = Channel::connect(url).unwrap_err();
    assert_eq!(error.code(), Code::InvalidArgument);
    assert!(error.message().contains(part), "{url}: {error}");
    assert!(!format!("{error:?}").contains("secret"), "{error:?}");
}

#[tokio::test]
async fn a_url_that_can_t_be_used_is_refused_at_once() {
    check_url("", "can't be read");
    check_url("http://", "can't be read");
    check_url("localhost:80", "scheme");
    check_url("/path", "no host");
    check_url("ftp://host", "scheme");
    #[cfg(not(feature = "tls"))]
    check_url("https://host", "https is not supported");
    check_url("http://:80", "no host");
    for port in ["0", "65536", "99999", "4294967376", "+80", "8o", "http"] {
        check_url(&format!("http://127.0.0.1:{port}"), "port");
        check_url(&format!("http://[::1]:{port}/prefix"), "port");
    }
    check_url("http://user:secret@host", "user or password");
    check_url("http://host/?token=secret", "query");
}

#[tokio::test]
async fn a_port_that_is_none_is_refused_wherever_a_url_is_taken() {
    const BAD: &str = "http://127.0.0.1:99999";
    let channel = Channel::connect("http://127.0.0.1:1").unwrap();
    let endpoints = Endpoints::new(["http://127.0.0.1:1"]).unwrap();
    let refused = [
        Channel::connect_all(["http://127.0.0.1:1", BAD]).map(drop),
        channel.with_url(BAD).map(drop),
        Endpoints::new([BAD]).map(drop),
        endpoints.replace([BAD]),
        EchoClient::connect(BAD).map(drop),
    ];
    for result in refused {
        let error = result.unwrap_err();
        assert_eq!(error.code(), Code::InvalidArgument);
        assert!(error.message().contains("port"), "{error}");
    }
}

/// RFC 3986, section 3.2.3: it is the scheme's own.
#[tokio::test]
async fn an_empty_port_is_that_of_the_scheme() {
    for (url, authority) in [
        ("http://host:/prefix", "host"),
        ("http://[::1]:", "[::1]"),
        ("http://host:00080", "host:00080"),
        ("http://[::1]", "[::1]"),
    ] {
        let server = tower::service_fn(move |request: Request<Body>| {
            assert_eq!(request.uri().authority().unwrap(), authority);
            async { Ok::<_, Infallible>(Response::new(Full::<Bytes>::default())) }
        });
        let channel = Channel::new(server).with_url(url).unwrap();
        let error = EchoClient::from_channel(channel).echo(ping("")).await.unwrap_err();
        assert_eq!(error.code(), Code::Internal, "the answer has no type: {error}");
    }
}

#[tokio::test]
async fn a_header_that_is_none_fails_the_call() {
    let client = EchoClient::connect("http://127.0.0.1:1").unwrap();
    let calls = [
        client.echo(ping("")).header("bad name", "a"),
        client.echo(ping("")).header("name", "bad\nvalue"),
        client.clone().with_header("bad name", "a").echo(ping("")),
    ];
    for call in calls {
        assert_eq!(call.await.unwrap_err().code(), Code::InvalidArgument);
    }
}

#[tokio::test]
async fn a_client_s_debug_shows_no_header_value() {
    let client = EchoClient::connect("http://127.0.0.1:1").unwrap();
    let client = client.with_header("authorization", "Bearer secret");
    let call = client.echo(ping("")).header("cookie", "secret");
    assert!(!format!("{client:?} {call:?}").contains("secret"));
}
