//! Connect on the bytes of the wire, and past its client.

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use bytes::Bytes;
use http::{Method, Request, Response};
use mcsv_rpc::{Body, Code, ErrorDetail, Protocol};
use prost::Message;
use serde_json::Value;

use crate::app::{App, EchoClient, Failure, Ping, Running, ping};
use crate::wire::{gzipped, send};

const ECHO: &str = "/echo.v1.Echo/Echo";
const FAIL: &str = "/echo.v1.Echo/Fail";

fn post(path: &str, body: impl Into<Body>) -> Request<Body> {
    let request = Request::post(path).header("content-type", "application/proto");
    request.header("connect-protocol-version", "1").body(body.into()).unwrap()
}

fn get(query: &str) -> Request<Body> {
    Request::get(format!("{ECHO}?{query}")).body(Body::empty()).unwrap()
}

fn failure(how: &str) -> Failure {
    Failure { how: how.to_owned(), message: "as told".to_owned(), ..Failure::default() }
}

async fn answer(request: Request<Body>) -> Response<Bytes> {
    send(&App::default().router(), request).await
}

#[track_caller]
fn check_error(response: &Response<Bytes>, status: u16, code: &str) -> String {
    let json: Value = serde_json::from_slice(response.body()).unwrap();
    assert_eq!(json["code"], code, "{json}");
    assert_eq!(response.status(), status, "{json}");
    assert_eq!(response.headers()["content-type"], "application/json");
    json["message"].as_str().unwrap_or_default().to_owned()
}

#[track_caller]
fn check_echo(response: &Response<Bytes>, text: &str) {
    assert_eq!(response.status(), 200, "{response:?}");
    assert_eq!(response.headers()["content-type"], "application/proto");
    assert_eq!(Ping::decode(response.body().clone()).unwrap(), ping(text));
}

/// The specification's section "Error Codes", and Twirp's two by their nearest.
const STATUSES: [(&str, &str, u16); 18] = [
    ("canceled", "canceled", 499),
    ("unknown", "unknown", 500),
    ("invalid_argument", "invalid_argument", 400),
    ("deadline_exceeded", "deadline_exceeded", 504),
    ("not_found", "not_found", 404),
    ("already_exists", "already_exists", 409),
    ("permission_denied", "permission_denied", 403),
    ("resource_exhausted", "resource_exhausted", 429),
    ("failed_precondition", "failed_precondition", 400),
    ("aborted", "aborted", 409),
    ("out_of_range", "out_of_range", 400),
    ("unimplemented", "unimplemented", 501),
    ("internal", "internal", 500),
    ("unavailable", "unavailable", 503),
    ("data_loss", "data_loss", 500),
    ("unauthenticated", "unauthenticated", 401),
    ("malformed", "invalid_argument", 400),
    ("bad_route", "unimplemented", 404),
];

#[tokio::test]
async fn every_code_has_its_status_and_comes_back() {
    let router = App::default().router();
    let client = EchoClient::in_process(router.clone()).with_protocol(Protocol::Connect);
    assert_eq!(STATUSES.len(), Code::ALL.len());
    for (name, sent, status) in STATUSES {
        let response = send(&router, post(FAIL, failure(name).encode_to_vec())).await;
        assert_eq!(check_error(&response, status, sent), "as told");
        assert_eq!(response.headers()["x-failed"], "yes");

        let error = client.fail(failure(name)).await.unwrap_err();
        let name = if name == "bad_route" { "unimplemented" } else { name };
        assert_eq!((error.code().as_str(), error.message()), (name, "as told"));
    }
}

#[tokio::test]
async fn metadata_and_retry_hint_travel_as_details() {
    let meta = BTreeMap::from([("id".to_owned(), "7".to_owned())]);
    let failure = Failure { meta, retry_after_ms: 1500, ..failure("unavailable") };
    let response = answer(post(FAIL, failure.encode_to_vec())).await;
    assert_eq!(response.headers()["retry-after"], "2");
    let json: Value = serde_json::from_slice(response.body()).unwrap();
    assert_eq!(json["details"][0]["type"], "google.rpc.ErrorInfo");
    assert_eq!(json["details"][1]["type"], "google.rpc.RetryInfo");
    assert!(STANDARD_NO_PAD.decode(json["details"][1]["value"].as_str().unwrap()).is_ok());

    let client = App::default().client().with_protocol(Protocol::Connect);
    let error = client.fail(failure).await.unwrap_err();
    assert_eq!(error.meta("id"), Some("7"));
    assert_eq!(error.retry_after().unwrap().as_millis(), 1500);
}

#[tokio::test]
async fn a_typed_detail_reaches_the_client() {
    for protocol in [Protocol::Connect, Protocol::Grpc] {
        let client = App::default().client().with_protocol(protocol);
        let error = client.fail(failure("detail")).await.unwrap_err();
        let sent = ErrorDetail::new("echo.v1.Ping", ping("detail").encode_to_vec());
        assert_eq!(error.details(), [sent]);
    }
}

#[tokio::test]
async fn both_codecs_go_there_and_back_over_a_socket() {
    let running = Running::start(App::default().router()).await;
    let client = running.client().with_protocol(Protocol::Connect);
    assert_eq!(client.echo(ping("hi")).await.unwrap(), ping("hi"));
    assert_eq!(client.with_json().echo(ping("hi")).await.unwrap(), ping("hi"));
}

#[tokio::test]
async fn json_needs_no_header_but_its_type() {
    let request = Request::post(ECHO).header("content-type", "application/json; charset=utf-8");
    let response = answer(request.body(Body::from(r#"{"text":"hi"}"#)).unwrap()).await;
    assert_eq!(response.headers()["content-type"], "application/json");
    assert_eq!(response.body(), r#"{"text":"hi"}"#);
}

#[tokio::test]
async fn an_error_of_json_without_the_header_is_read_by_twirp_and_connect() {
    let request = Request::post("/echo.v1.Echo/Fail").header("content-type", "application/json");
    let body = r#"{"how":"failed_precondition","message":"no"}"#;
    let response = answer(request.body(Body::from(body)).unwrap()).await;
    assert_eq!(response.status(), 412);
    let told: serde_json::Value = serde_json::from_slice(response.body()).unwrap();
    assert_eq!(told["code"], "failed_precondition");
    assert_eq!((&told["msg"], &told["message"]), (&"no".into(), &"no".into()));
}

#[tokio::test]
async fn another_version_is_refused() {
    let mut request = post(ECHO, ping("hi").encode_to_vec());
    request.headers_mut().insert("connect-protocol-version", "2".parse().unwrap());
    let message = check_error(&answer(request).await, 400, "invalid_argument");
    assert!(message.contains("connect-protocol-version"), "{message}");
}

#[tokio::test]
async fn another_content_type_is_unsupported() {
    for sent in
        ["text/plain", "application/connect+proto", "application/grpc-web", "application/grpcs"]
    {
        let mut request = post(ECHO, Body::empty());
        request.headers_mut().insert("content-type", sent.parse().unwrap());
        let response = answer(request).await;
        assert_eq!(response.status(), 415);
        let accepted = response.headers()["accept-post"].to_str().unwrap();
        assert!(accepted.contains("application/proto,"), "{accepted}");
    }
}

#[tokio::test]
async fn another_verb_is_not_allowed() {
    for (path, allowed) in [(ECHO, "GET, POST"), (FAIL, "POST")] {
        let mut request = post(path, Body::empty());
        *request.method_mut() = Method::PUT;
        let response = answer(request).await;
        assert_eq!(response.status(), 405);
        assert_eq!(response.headers()["allow"], allowed);
    }
    let get = Request::get(format!("{FAIL}?encoding=proto&message=")).body(Body::empty()).unwrap();
    assert_eq!(answer(get).await.status(), 405);
}

#[tokio::test]
async fn a_stray_call_gets_an_error_in_its_own_protocol() {
    let response = answer(post("/echo.v1.Echo/Gone", Body::empty())).await;
    check_error(&response, 404, "unimplemented");
}

#[tokio::test]
async fn a_get_carries_its_message_in_the_query() {
    let base64 = URL_SAFE_NO_PAD.encode(ping("hi?").encode_to_vec());
    let query = format!("connect=v1&encoding=proto&base64=1&message={base64}");
    let response = answer(get(&query)).await;
    check_echo(&response, "hi?");
    assert_eq!(response.headers()["vary"], "accept-encoding");

    let response = answer(get("encoding=json&message=%7B%22text%22%3A%22a+b%22%7D")).await;
    assert_eq!(response.body(), r#"{"text":"a b"}"#);

    let packed = URL_SAFE_NO_PAD.encode(gzipped(&ping("hi").encode_to_vec()));
    let query = format!("encoding=proto&base64=1&compression=gzip&message={packed}");
    check_echo(&answer(get(&query)).await, "hi");
}

#[tokio::test]
async fn a_get_that_can_t_be_read_is_refused() {
    for query in [
        "encoding=proto",
        "encoding=proto&message=%21&base64=1",
        "encoding=proto&message=&connect=v2",
    ] {
        check_error(&answer(get(query)).await, 400, "invalid_argument");
    }
    let response = answer(get("encoding=proto&message=&compression=br")).await;
    check_error(&response, 501, "unimplemented");
    assert_eq!(answer(get("encoding=xml&message=")).await.status(), 415);
    assert_eq!(answer(get("")).await.status(), 415);
}

#[tokio::test]
async fn a_body_that_is_no_message_is_an_invalid_argument() {
    check_error(&answer(post(ECHO, vec![0xff])).await, 400, "invalid_argument");
}
