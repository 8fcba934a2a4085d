use std::collections::BTreeMap;
use std::time::Duration;

use mcsv_rpc::{Code, RpcMethod};
use prost::Message;
use serde_json::Value;

use crate::app::{App, EchoClient, Failure};
use crate::wire::{check_error, post, send};

const FAIL: &str = "/echo_svc/Fail";

fn failure(how: &str) -> Failure {
    Failure { how: how.to_owned(), message: "as told".to_owned(), ..Failure::default() }
}

/// The table of Twirp v7, section "Error Codes".
const STATUSES: [(&str, u16); 18] = [
    ("canceled", 408),
    ("unknown", 500),
    ("invalid_argument", 400),
    ("malformed", 400),
    ("deadline_exceeded", 408),
    ("not_found", 404),
    ("bad_route", 404),
    ("already_exists", 409),
    ("permission_denied", 403),
    ("unauthenticated", 401),
    ("resource_exhausted", 429),
    ("failed_precondition", 412),
    ("aborted", 409),
    ("out_of_range", 400),
    ("unimplemented", 501),
    ("internal", 500),
    ("unavailable", 503),
    ("data_loss", 500),
];

#[tokio::test]
async fn every_code_has_its_status_and_comes_back_as_itself() {
    let router = App::default().router();
    let client = EchoClient::in_process(router.clone());
    assert_eq!(STATUSES.len(), Code::ALL.len());
    for (name, status) in STATUSES {
        let response = send(&router, post(FAIL, failure(name).encode_to_vec())).await;
        assert_eq!(check_error(&response, status, name), "as told");

        let error = client.fail(failure(name)).await.unwrap_err();
        assert_eq!((error.code().as_str(), error.message()), (name, "as told"));
    }
}

#[tokio::test]
async fn metadata_and_retry_hint_travel() {
    let meta =
        BTreeMap::from([("id".to_owned(), "7".to_owned()), ("é\n".to_owned(), "\"".to_owned())]);
    let failure = Failure { meta, retry_after_ms: 1500, ..failure("unavailable") };
    let error = App::default().client().fail(failure).await.unwrap_err();
    assert_eq!(error.meta("id"), Some("7"));
    assert_eq!(error.meta("é\n"), Some("\""));
    assert_eq!(error.retry_after(), Some(Duration::from_secs(2)), "rounded up");
}

#[tokio::test]
async fn an_error_without_metadata_has_no_meta_key() {
    let response =
        send(&App::default().router(), post(FAIL, failure("aborted").encode_to_vec())).await;
    let json: Value = serde_json::from_slice(response.body()).unwrap();
    assert_eq!(json, serde_json::json!({"code": "aborted", "msg": "as told"}));
}

#[tokio::test]
async fn an_error_has_the_handler_s_headers_but_not_its_framing() {
    let response =
        send(&App::default().router(), post(FAIL, failure("aborted").encode_to_vec())).await;
    assert_eq!(response.headers()["x-failed"], "yes");
    assert!(response.headers().get("content-length").is_none());
}

#[tokio::test]
async fn a_cause_stays_inside() {
    for how in ["source", "panic"] {
        let response =
            send(&App::default().router(), post(FAIL, failure(how).encode_to_vec())).await;
        assert_eq!(check_error(&response, 500, "internal"), "internal error");
        assert!(!String::from_utf8_lossy(response.body()).contains("secret"));
    }
}

#[tokio::test]
async fn the_next_call_is_served_after_a_panic() {
    let client = App::default().client();
    client.fail(failure("panic")).await.unwrap_err();
    client.look(crate::app::ping("")).await.unwrap();
}

#[tokio::test]
async fn a_body_that_is_no_message_is_malformed() {
    for body in [&[0xff][..], &[0x0a, 0x7f, b'x'], &[0x08, 0x01], b"{\"text\":\"hi\"}"] {
        let response = send(&App::default().router(), post("/echo_svc/Echo", body.to_vec())).await;
        let message = check_error(&response, 400, "malformed");
        assert!(message.contains("echo.v1.Ping"), "{message}");
    }
}

#[tokio::test]
async fn a_message_too_long_to_be_an_error_is_shortened() {
    let failure = Failure { message: "é".repeat(100_000), ..failure("internal") };
    let error = App::default().client().fail(failure).await.unwrap_err();
    assert!(error.message().len() <= 64 * 1024 && error.message().starts_with("éé"));
}

#[test]
fn a_method_knows_its_names() {
    let method: &RpcMethod = &EchoClient::METHODS[1];
    assert_eq!((method.service(), method.name()), ("echo.v1.Echo", "Fail"));
    assert_eq!((method.full_name(), method.request()), ("echo.v1.Echo/Fail", "echo.v1.Failure"));
}
