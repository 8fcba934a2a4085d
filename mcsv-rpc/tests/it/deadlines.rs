use std::time::Duration;

use http::HeaderValue;
use mcsv_rpc::{Body, Code, Deadline, within};
use tokio::time::Instant;

use crate::app::{App, EchoClient, ping};
use crate::wire::{check_error, post, send};

const SECOND: Duration = Duration::from_secs(1);

#[tokio::test(start_paused = true)]
async fn a_call_without_a_deadline_has_none_on_the_server() {
    let seen = App::default().client().look(ping("")).await.unwrap();
    assert_eq!(seen.remaining_ms, 0);
}

#[tokio::test(start_paused = true)]
async fn the_client_s_timeout_arrives_and_the_call_s_wins() {
    let client = App::default().client().with_timeout(5 * SECOND);
    assert_eq!(client.look(ping("")).await.unwrap().remaining_ms, 5000);
    assert_eq!(client.look(ping("")).timeout(7 * SECOND).await.unwrap().remaining_ms, 7000);
}

#[tokio::test(start_paused = true)]
async fn a_call_inside_a_handler_has_what_is_left() {
    let last = App::default().client();
    let first = App { work: 2 * SECOND, ..App::before(last) }.client();
    let seen = first.forward(ping("")).timeout(5 * SECOND).await.unwrap();
    assert_eq!(seen.remaining_ms, 3000);
}

#[tokio::test(start_paused = true)]
async fn a_call_inside_a_handler_may_end_earlier_but_not_later() {
    for (own, expected) in [(1, 1000), (60, 3000)] {
        let last = App::default().client().with_timeout(own * SECOND);
        let first = App { work: 2 * SECOND, ..App::before(last) }.client();
        let seen = first.forward(ping("")).timeout(5 * SECOND).await.unwrap();
        assert_eq!(seen.remaining_ms, expected);
    }
}

#[tokio::test(start_paused = true)]
async fn an_in_process_server_sees_no_deadline_but_the_request_s() {
    // The outer handler's deadline must arrive in a header, not through the thread.
    let last = App::default().router();
    let request = post("/echo_svc/Look", Body::empty());
    let end = Deadline::after(Instant::now().into_std(), SECOND);
    let response = within(end, send(&last, request)).await;
    let seen: crate::app::Seen = prost::Message::decode(response.into_body()).unwrap();
    assert_eq!(seen.remaining_ms, 0);
}

#[tokio::test(start_paused = true)]
async fn the_server_drops_the_handler_at_the_deadline() {
    let app = App::default();
    let gate = app.gate.clone();
    let router = app.router();
    let mut request = post("/echo_svc/Wait", Body::empty());
    request.headers_mut().insert("connect-timeout-ms", HeaderValue::from(1500));
    let start = Instant::now();
    let response = send(&router, request).await;
    check_error(&response, 408, "deadline_exceeded");
    assert_eq!(start.elapsed().as_millis(), 1500);
    gate.left.notified().await;
}

#[tokio::test(start_paused = true)]
async fn the_client_gives_up_on_a_silent_server() {
    let silent = tower::service_fn(|_: http::Request<Body>| {
        std::future::pending::<Result<http::Response<Body>, std::io::Error>>()
    });
    let start = Instant::now();
    let error = EchoClient::new(silent).echo(ping("")).timeout(SECOND).await.unwrap_err();
    assert_eq!(error.code(), Code::DeadlineExceeded);
    assert_eq!(start.elapsed(), SECOND);
}

#[tokio::test(start_paused = true)]
async fn a_call_whose_deadline_has_passed_is_not_sent() {
    let unused = tower::service_fn(|_: http::Request<Body>| async {
        Err::<http::Response<Body>, _>(std::io::Error::other("sent all the same"))
    });
    let end = Deadline::at(Instant::now().into_std());
    let error = within(end, async { EchoClient::new(unused).echo(ping("")).await }).await;
    let error = error.unwrap_err();
    assert_eq!(error.code(), Code::DeadlineExceeded);
    assert!(error.message().contains("before the call was sent"), "{error}");
}

#[tokio::test(start_paused = true)]
async fn the_earlier_of_both_headers_counts() {
    let mut request = post("/echo_svc/Look", Body::empty());
    request.headers_mut().insert("connect-timeout-ms", HeaderValue::from(9000));
    request.headers_mut().insert("grpc-timeout", HeaderValue::from_static("2S"));
    let response = send(&App::default().router(), request).await;
    let seen: crate::app::Seen = prost::Message::decode(response.into_body()).unwrap();
    assert_eq!(seen.remaining_ms, 2000);
}

#[tokio::test]
async fn a_timeout_that_is_none_is_refused_by_name() {
    for (name, value) in
        [("connect-timeout-ms", "soon"), ("grpc-timeout", "5"), ("grpc-timeout", "")]
    {
        let mut request = post("/echo_svc/Look", Body::empty());
        request.headers_mut().insert(name, HeaderValue::from_static(value));
        let response = send(&App::default().router(), request).await;
        let message = check_error(&response, 400, "invalid_argument");
        assert!(message.contains(name), "{message}");
    }
}

#[tokio::test]
async fn a_deadline_of_zero_has_passed() {
    let mut request = post("/echo_svc/Look", Body::empty());
    request.headers_mut().insert("connect-timeout-ms", HeaderValue::from(0));
    check_error(&send(&App::default().router(), request).await, 408, "deadline_exceeded");
}
