use mcsv_core::Deadline;
use mcsv_rpc::{Code, Cx, OpenApi, Result, Router};
use std::time::Duration;
use tower::ServiceExt;

use crate::app::{App, Echo, EchoClient, EchoServer, ping};

async fn get(method: &str, path: &str) -> (http::response::Parts, String) {
    get_of(App::default().router().openapi(OpenApi::new("Echo", "1.2")), method, path).await
}

async fn get_of(app: Router, method: &str, path: &str) -> (http::response::Parts, String) {
    let request = http::Request::builder().method(method).uri(path);
    let answer = app.oneshot(request.body(String::new()).unwrap()).await.unwrap();
    let (parts, body) = answer.into_parts();
    let bytes = http_body_util::BodyExt::collect(body).await.unwrap().to_bytes();
    (parts, String::from_utf8(bytes.to_vec()).unwrap())
}

#[tokio::test]
async fn the_document_has_every_path_of_a_service() {
    let (parts, text) = get("GET", "/openapi.json").await;
    assert_eq!(
        (parts.status.as_u16(), &parts.headers["content-type"]),
        (200, &"application/json".parse().unwrap())
    );
    for part in [
        r#""title":"Echo""#,
        r#""/echo.v1.Echo/Echo":{"get""#,
        r#""/twirp/echo.v1.Echo/Echo":{"post""#,
        r#""/echo_svc/Echo":{"post""#,
        r#""description":"0 without a deadline.""#,
        r##""$ref":"#/components/responses/twirp.408""##,
    ] {
        assert!(text.contains(part), "{part} is not in {text}");
    }
}

#[tokio::test]
async fn a_document_that_was_asked_for_has_what_is_added_after_it() {
    let empty = Router::new().openapi(OpenApi::new("Echo", "1.2"));
    let (_, before) = get_of(empty.clone(), "GET", "/openapi.json").await;
    assert!(!before.contains("echo.v1.Echo"));
    let later = empty.add(EchoServer::new(App::default())).with_twirp_prefix("/rpc");
    let (_, after) = get_of(later, "GET", "/openapi.json").await;
    assert!(after.contains(r#""/rpc/echo.v1.Echo/Echo""#), "{after}");
}

#[tokio::test]
async fn the_same_is_there_as_yaml_and_nothing_but_get_is_answered() {
    let (parts, text) = get("GET", "/openapi.yaml").await;
    assert_eq!(parts.headers["content-type"], "application/yaml");
    assert!(text.contains("\nopenapi: \"3.1.0\"\n"), "{text}");
    let (parts, _) = get("POST", "/openapi.yaml").await;
    assert_eq!(
        (parts.status.as_u16(), &parts.headers["allow"]),
        (405, &"GET, HEAD".parse().unwrap())
    );
}

async fn greeted(echo: &impl Echo, cx: &mut Cx) -> Result<String> {
    Ok(echo.echo(cx, ping("hi")).await?.text)
}

#[tokio::test]
async fn a_client_takes_the_place_of_a_service() {
    let client = EchoClient::in_process(EchoServer::new(App::default()));
    let mut cx = Cx::new(&EchoClient::METHODS[0]);
    assert_eq!(greeted(&App::default(), &mut cx).await.unwrap(), "hi");
    assert_eq!(greeted(&client, &mut cx).await.unwrap(), "hi");
    let seen = Echo::look(&client, &mut cx, ping("")).await.unwrap();
    assert_eq!(seen.trace_id, cx.trace().trace_id().to_string());
}

#[tokio::test]
async fn a_call_through_the_trait_ends_within_the_deadline_of_its_work() {
    let client = EchoClient::in_process(Router::from(EchoServer::new(App::default())));
    let now = tokio::time::Instant::now().into_std();
    let past = Deadline::after(now, Duration::ZERO);
    let mut cx = Cx::new(&EchoClient::METHODS[0]);
    let call = mcsv_rpc::within(past, async { greeted(&client, &mut cx).await });
    assert_eq!(call.await.unwrap_err().code(), Code::DeadlineExceeded);
}
