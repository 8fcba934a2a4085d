//! gRPC on the bytes of the wire, and past its client.

use std::collections::BTreeMap;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Request, Response, Version};
use http_body_util::BodyExt;
use hyper_util::rt::{TokioExecutor, TokioIo};
use mcsv_core::Health;
use mcsv_rpc::{Body, Code, Error, Protocol, Router};
use prost::Message;
use tokio::net::TcpStream;
use tower::ServiceExt;

use crate::app::{App, EchoClient, Failure, Ping, Running, ping};

const ECHO: &str = "/echo.v1.Echo/Echo";
const FAIL: &str = "/echo.v1.Echo/Fail";

/// A message with its prefix.
fn framed(flag: u8, message: &[u8]) -> Vec<u8> {
    let length = u32::try_from(message.len()).unwrap();
    [&[flag][..], &length.to_be_bytes(), message].concat()
}

fn post(path: &str, body: impl Into<Body>) -> Request<Body> {
    let request = Request::post(path).version(Version::HTTP_2);
    let request = request.header("content-type", "application/grpc").header("te", "trailers");
    request.body(body.into()).unwrap()
}

fn echo_request() -> Request<Body> {
    post(ECHO, framed(0, &ping("hi").encode_to_vec()))
}

fn failure(how: &str) -> Failure {
    Failure { how: how.to_owned(), message: "as told".to_owned(), ..Failure::default() }
}

async fn send(router: &Router, request: Request<Body>) -> (Response<Bytes>, Option<HeaderMap>) {
    let (parts, body) = router.clone().oneshot(request).await.unwrap().into_parts();
    let body = body.collect().await.unwrap();
    let trailers = body.trailers().cloned();
    (Response::from_parts(parts, body.to_bytes()), trailers)
}

/// The status and the message of an answer that is nothing but headers.
async fn refusal(request: Request<Body>) -> (String, String) {
    let (response, trailers) = send(&App::default().router(), request).await;
    assert_eq!(response.status(), 200);
    assert!(response.headers()["content-type"].to_str().unwrap().starts_with("application/grpc"));
    assert!(response.body().is_empty() && trailers.is_none());
    let text = |name| response.headers()[name].to_str().unwrap().to_owned();
    (text("grpc-status"), text("grpc-message"))
}

#[tokio::test]
async fn a_call_is_one_message_and_trailers() {
    for content_type in ["application/grpc", "application/grpc+proto", "application/grpc;x=y"] {
        let mut request = echo_request();
        request.headers_mut().insert("content-type", content_type.parse().unwrap());
        let (response, trailers) = send(&App::default().router(), request).await;
        assert_eq!(response.status(), 200);
        let essence = content_type.split(';').next().unwrap();
        assert_eq!(response.headers()["content-type"], essence);
        assert_eq!(response.body()[..], framed(0, &ping("hi").encode_to_vec()));
        assert_eq!(trailers.unwrap()["grpc-status"], "0");
    }
}

#[tokio::test]
async fn trailers_go_over_a_raw_http_2_connection() {
    let running = Running::start(App::default().router()).await;
    let stream = TokioIo::new(TcpStream::connect(running.address()).await.unwrap());
    let (mut sender, connection) =
        hyper::client::conn::http2::handshake(TokioExecutor::new(), stream).await.unwrap();
    tokio::spawn(connection);
    let mut request = echo_request();
    *request.uri_mut() = format!("{}{ECHO}", running.url).parse().unwrap();
    let response = sender.send_request(request).await.unwrap();
    assert!(response.headers().get("content-length").is_none());
    let body = response.into_body().collect().await.unwrap();
    assert_eq!(body.trailers().unwrap()["grpc-status"], "0");
    assert_eq!(body.to_bytes()[..], framed(0, &ping("hi").encode_to_vec()));

    let mut request = post(FAIL, framed(0, &failure("aborted").encode_to_vec()));
    *request.uri_mut() = format!("{}{FAIL}", running.url).parse().unwrap();
    let response = sender.send_request(request).await.unwrap();
    assert_eq!(response.headers()["grpc-status"], "10");
    assert_eq!(response.headers()["x-failed"], "yes");
}

#[tokio::test]
async fn every_code_comes_back() {
    let running = Running::start(App::default().router()).await;
    let client = running.client().with_protocol(Protocol::Grpc);
    for code in Code::ALL {
        let error = client.fail(failure(code.as_str())).await.unwrap_err();
        let code = if code == Code::BadRoute { Code::Unimplemented } else { code };
        assert_eq!((error.code(), error.message()), (code, "as told"));
    }
}

#[tokio::test]
async fn metadata_message_and_retry_hint_travel() {
    let meta = BTreeMap::from([("é\n".to_owned(), "\"".to_owned())]);
    let failure =
        Failure { meta, retry_after_ms: 1500, message: "é\n%".to_owned(), ..failure("aborted") };
    let request = post(FAIL, framed(0, &failure.encode_to_vec()));
    assert_eq!(refusal(request).await, ("10".to_owned(), "%C3%A9%0A%25".to_owned()));
    let client = App::default().client().with_protocol(Protocol::Grpc);
    let error = client.fail(failure).await.unwrap_err();
    assert_eq!(error.message(), "é\n%");
    assert_eq!(error.meta("é\n"), Some("\""));
    assert_eq!(error.retry_after(), Some(Duration::from_millis(1500)));
}

#[tokio::test]
async fn an_error_of_any_length_fits_into_headers() {
    let meta = BTreeMap::from([("k".to_owned(), "v".repeat(50_000))]);
    let message = "é".repeat(50_000);
    let running = Running::start(App::default().router()).await;
    let client = running.client().with_protocol(Protocol::Grpc);
    let error = client.fail(Failure { meta, message, ..failure("not_found") }).await.unwrap_err();
    assert_eq!(error.code(), Code::NotFound);
    assert!(error.message().starts_with("éé"));
}

#[tokio::test]
async fn both_codecs_go_there_and_back_over_a_socket() {
    let running = Running::start(App::default().router()).await;
    let client = running.client().with_protocol(Protocol::Grpc);
    let message = Ping { data: Bytes::from(vec![7; 3 << 20]), ..ping("hi") };
    assert_eq!(client.echo(message.clone()).await.unwrap(), message);
    let calls = (0..50).map(|n| client.echo(ping(&n.to_string())).into_response());
    for (n, answer) in futures_util::future::join_all(calls).await.into_iter().enumerate() {
        assert_eq!(answer.unwrap().into_body(), ping(&n.to_string()));
    }
    assert_eq!(client.with_json().echo(ping("hi")).await.unwrap(), ping("hi"));
}

#[tokio::test]
async fn a_body_that_is_not_one_message_is_refused() {
    let message = framed(0, &ping("hi").encode_to_vec());
    for (body, status) in [
        (Vec::new(), "12"),
        ([&message[..], &message].concat(), "12"),
        (message[..6].to_vec(), "3"),
        (framed(0, b"\xff"), "3"),
        (framed(7, b""), "3"),
        (framed(1, b""), "13"),
    ] {
        assert_eq!(refusal(post(ECHO, body)).await.0, status);
    }
}

#[tokio::test]
async fn a_path_that_is_not_there_is_unimplemented() {
    for path in ["/echo.v1.Echo/Gone", "/gone.v1.Gone/Echo"] {
        let (status, message) = refusal(post(path, framed(0, b""))).await;
        assert_eq!(status, "12");
        assert!(message.contains(path), "{message}");
    }
}

#[tokio::test]
async fn a_deadline_ends_the_handler() {
    tokio::time::pause();
    let mut request = post("/echo.v1.Echo/Wait", framed(0, b""));
    request.headers_mut().insert("grpc-timeout", "50m".parse().unwrap());
    assert_eq!(refusal(request).await.0, "4");
    let client = App::default().client().with_protocol(Protocol::Grpc);
    let seen = client.look(ping("")).timeout(Duration::from_secs(7)).await.unwrap();
    assert!((6_900..=7_000).contains(&seen.remaining_ms), "{}", seen.remaining_ms);
}

#[tokio::test]
async fn a_body_over_the_limit_is_refused_and_one_at_it_is_not() {
    let body = ping("hello").encode_to_vec();
    for (limit, status) in [(body.len(), "0"), (body.len() - 1, "8")] {
        let server = crate::app::EchoServer::new(App::default());
        let router = Router::new().add(server).with_body_limit(limit);
        let client = EchoClient::in_process(router).with_protocol(Protocol::Grpc);
        let outcome = client.echo(ping("hello")).await;
        let code = outcome.err().map(|error| error.code());
        assert_eq!(code, (status == "8").then_some(Code::ResourceExhausted));
    }
}

#[tokio::test]
async fn grpc_over_http_1_is_refused() {
    let mut request = echo_request();
    *request.version_mut() = Version::HTTP_11;
    let (response, _) = send(&App::default().router(), request).await;
    assert_eq!(response.status(), 505);
}

/// The error of a call that gets this answer.
async fn error_of(status: u16, headers: &[(&'static str, &str)]) -> Error {
    let mut response = Response::builder().status(status);
    for (name, value) in headers {
        response = response.header(*name, *value);
    }
    let (parts, ()) = response.body(()).unwrap().into_parts();
    let server = tower::service_fn(move |_: Request<Body>| {
        let response = Response::from_parts(parts.clone(), Body::empty());
        async { Ok::<_, std::convert::Infallible>(response) }
    });
    let client = EchoClient::new(server).with_protocol(Protocol::Grpc);
    client.echo(ping("")).await.unwrap_err()
}

#[tokio::test]
async fn an_answer_from_no_grpc_server_is_mapped_by_its_status() {
    for (status, code) in [
        (400, Code::Internal),
        (401, Code::Unauthenticated),
        (403, Code::PermissionDenied),
        (404, Code::Unimplemented),
        (429, Code::Unavailable),
        (503, Code::Unavailable),
        (500, Code::Unknown),
    ] {
        assert_eq!(error_of(status, &[]).await.code(), code);
    }
    assert_eq!(error_of(200, &[("content-type", "text/html")]).await.code(), Code::Unknown);
    let grpc = ("content-type", "application/grpc");
    assert_eq!(error_of(200, &[grpc]).await.code(), Code::Internal);
    assert_eq!(error_of(200, &[grpc, ("grpc-status", "99")]).await.code(), Code::Unknown);
    assert_eq!(error_of(200, &[grpc, ("grpc-status", "0")]).await.code(), Code::Unimplemented);
}

#[tokio::test]
async fn a_health_probe_of_grpc_is_answered() {
    let health = Health::new();
    let router = App::default().router().health(health.clone());
    router.check().unwrap();
    let ask = async |service: &str| {
        let request = [&[0x0a, service.len() as u8][..], service.as_bytes()].concat();
        let request = post("/grpc.health.v1.Health/Check", framed(0, &request));
        let (response, trailers) = send(&router, request).await;
        let status = trailers.as_ref().unwrap_or(response.headers())["grpc-status"].clone();
        (status.to_str().unwrap().to_owned(), response.into_body())
    };
    for service in ["", "echo.v1.Echo"] {
        assert_eq!(ask(service).await, ("0".to_owned(), framed(0, &[8, 1]).into()));
    }
    assert_eq!(ask("gone.v1.Gone").await.0, "5");
    health.set_draining();
    assert_eq!(ask("").await, ("0".to_owned(), framed(0, &[8, 2]).into()));
}
