use std::sync::{Arc, Mutex};

use http::{Method, Request};
use mcsv_rpc::{Body, Channel, Protocol};
use tower::Service as _;

use crate::app::{App, EchoClient, Ping, ping};
use crate::wire::CODINGS;

/// A client of a router, and the requests that it sent.
fn client(set: impl FnOnce(Channel) -> Channel) -> (EchoClient, Arc<Mutex<Vec<Sent>>>) {
    let sent = Arc::new(Mutex::new(Vec::new()));
    let (router, seen) = (App::default().router(), sent.clone());
    let service = tower::service_fn(move |request: Request<Body>| {
        let typed = request.headers().contains_key("content-type");
        seen.lock().unwrap().push((request.method().clone(), request.uri().to_string(), typed));
        router.clone().call(request)
    });
    let channel = Channel::new(service).with_protocol(Protocol::Connect).with_get();
    (EchoClient::from_channel(set(channel)), sent)
}

type Sent = (Method, String, bool);

async fn check(set: impl FnOnce(Channel) -> Channel, request: Ping, method: Method) -> String {
    let (client, sent) = client(set);
    assert_eq!(client.echo(request.clone()).await.unwrap(), request);
    let (sent_by, url, typed) = sent.lock().unwrap().remove(0);
    assert_eq!((&sent_by, typed), (&method, method == Method::POST), "{url}");
    url
}

#[tokio::test]
async fn a_call_without_side_effects_goes_by_get_in_every_form() {
    let url = check(|channel| channel, ping("hi"), Method::GET).await;
    assert_eq!(
        url,
        "http://service/echo.v1.Echo/Echo?connect=v1&base64=1&encoding=proto&message=CgJoaQ"
    );
    let url = check(Channel::with_json, ping("é &"), Method::GET).await;
    assert!(url.contains("encoding=json&message=%7B%22text%22"), "{url}");
    let long = ping(&"long ".repeat(4000));
    let url = check(Channel::with_gzip, long.clone(), Method::GET).await;
    assert!(url.contains("base64=1&compression=gzip"), "{url}");
    let url = check(Channel::with_zstd, long, Method::GET).await;
    assert!(url.contains(&format!("base64=1&compression={}", CODINGS.0[0])), "{url}");
}

#[tokio::test]
async fn a_long_request_and_another_protocol_go_by_post() {
    check(|channel| channel, ping(&"long ".repeat(2000)), Method::POST).await;
    check(|channel| channel.with_protocol(Protocol::Twirp), ping("hi"), Method::POST).await;
}

#[tokio::test]
async fn a_method_with_effects_goes_by_post() {
    let (client, sent) = client(|channel| channel);
    client.look(ping("")).await.unwrap();
    assert_eq!(sent.lock().unwrap()[0].0, Method::POST);
}

#[tokio::test]
async fn an_error_comes_back_by_get_too() {
    let (client, _) = client(|channel| channel);
    let error = client.echo(ping("")).header("connect-timeout-ms", "x").await.unwrap_err();
    assert_eq!(error.code(), mcsv_rpc::Code::InvalidArgument);
}
