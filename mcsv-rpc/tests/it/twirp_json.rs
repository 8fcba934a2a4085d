//! Twirp in JSON, on the wire.

use http::Request;
use http::header::CONTENT_TYPE;
use mcsv_rpc::codegen::prost_types::{Any, Timestamp};
use mcsv_rpc::{Code, Cx, Result, Router};
use serde_json::{Value, json};

use crate::app::{App, Failure, ping};
use crate::generated::json::v1::{Forms, FormsClient, FormsServer, Known, Scalars, Shapes};
use crate::wire::{check_error, send};

struct Back;

impl Forms for Back {
    async fn echo_scalars(&self, _: &mut Cx, request: Scalars) -> Result<Scalars> {
        Ok(request)
    }

    async fn echo_shapes(&self, _: &mut Cx, request: Shapes) -> Result<Shapes> {
        Ok(request)
    }

    async fn echo_known(&self, _: &mut Cx, request: Known) -> Result<Known> {
        match request.timestamp {
            // A message that has a binary form and none in JSON.
            Some(_) => {
                Ok(Known { timestamp: Some(Timestamp { seconds: i64::MAX, nanos: 0 }), ..request })
            }
            None => Ok(request),
        }
    }
}

pub(crate) fn forms() -> Router {
    Router::new().add(FormsServer::new(Back))
}

async fn post(
    router: &Router,
    path: &str,
    content_type: &str,
    body: &str,
) -> http::Response<bytes::Bytes> {
    let request = Request::post(path).header(CONTENT_TYPE, content_type);
    send(router, request.body(body.to_owned().into()).unwrap()).await
}

#[tokio::test]
async fn a_request_in_json_is_answered_in_json() {
    let router = App::default().router();
    for path in ["/twirp/echo.v1.Echo/Echo", "/echo_svc/Echo"] {
        for content_type in ["application/json", "Application/JSON; charset=utf-8"] {
            let body = r#"{"text":"hi","data":"eA","unknown":{}}"#;
            let response = post(&router, path, content_type, body).await;
            assert_eq!(response.status(), 200);
            assert_eq!(response.headers()[CONTENT_TYPE], "application/json");
            assert_eq!(response.body(), r#"{"text":"hi","data":"eA=="}"#);
        }
    }
}

#[tokio::test]
async fn what_is_no_message_is_malformed_and_told_where() {
    let path = "/twirp/json.v1.Forms/EchoScalars";
    let response = post(&forms(), path, "application/json", r#"{"aString":7}"#).await;
    let message = check_error(&response, 400, "malformed");
    assert_eq!(
        message,
        "the body is no JSON message json.v1.Scalars: field aString: expected a string at byte 11"
    );
    for body in ["", "null", "[]", "{\"aString\":\"\u{1}\"}"] {
        let response = post(&forms(), path, "application/json", body).await;
        check_error(&response, 400, "malformed");
    }
}

#[tokio::test]
async fn an_answer_without_a_json_form_is_an_internal_error() {
    let body = r#"{"timestamp":"2026-11-30T00:00:00Z"}"#;
    let path = "/twirp/json.v1.Forms/EchoKnown";
    let response = post(&forms(), path, "application/json", body).await;
    check_error(&response, 500, "internal");
}

#[tokio::test]
async fn a_client_of_json_gets_messages_and_errors() {
    let client = App::default().client().with_json();
    assert_eq!(client.echo(ping("é\u{1}\"")).await.unwrap(), ping("é\u{1}\""));
    let failure = Failure { how: "not_found".into(), message: "gone".into(), ..Failure::default() };
    let error = client.fail(failure).await.unwrap_err();
    assert_eq!((error.code(), error.message()), (Code::NotFound, "gone"));
}

#[tokio::test]
async fn a_request_without_a_json_form_is_not_sent() {
    let client = FormsClient::in_process(forms()).with_json();
    let any = Any { type_url: "example.com/unknown.v1.Thing".into(), value: Vec::new() };
    let error = client.echo_known(Known { any: Some(any), ..Known::default() }).await.unwrap_err();
    assert_eq!(error.code(), Code::InvalidArgument);
    assert!(error.message().contains("unknown.v1.Thing"), "{error}");
}

#[tokio::test]
async fn an_error_is_json_whatever_the_request_is() {
    let router = App::default().router();
    let response =
        post(&router, "/twirp/echo.v1.Echo/Fail", "application/json", r#"{"how":"aborted"}"#).await;
    let body: Value = serde_json::from_slice(response.body()).unwrap();
    assert_eq!((response.status().as_u16(), body), (409, json!({"code": "aborted", "msg": ""})));
}
