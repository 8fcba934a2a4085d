use http::HeaderValue;
use mcsv_rpc::{Body, TraceContext};

use crate::app::{App, EchoClient, Running, Seen, ping};
use crate::wire::{post, send};

async fn look_with(traceparent: &'static str, tracestate: &'static str) -> Seen {
    let mut request = post("/echo_svc/Look", Body::empty());
    request.headers_mut().insert("traceparent", HeaderValue::from_static(traceparent));
    request.headers_mut().insert("tracestate", HeaderValue::from_static(tracestate));
    let response = send(&App::default().router(), request).await;
    prost::Message::decode(response.into_body()).unwrap()
}

#[tokio::test]
async fn a_trace_crosses_two_hops_over_sockets() {
    let last = Running::start(App::default().router()).await;
    let first = Running::start(App::before(last.client()).router()).await;
    let caller = TraceContext::random_root().with_tracestate("vendor=1");
    let client = first.client();

    let seen = caller.clone().scope(async { client.forward(ping("")).await }).await.unwrap();

    assert_eq!(seen.trace_id, caller.trace_id().to_string());
    assert_ne!(seen.span_id, caller.span_id().to_string());
    assert_eq!(seen.tracestate, "vendor=1");
}

#[tokio::test]
async fn a_trace_crosses_two_hops_in_process() {
    let client = App::before(App::default().client()).client();
    let caller = TraceContext::random_root();
    let seen = caller.clone().scope(async { client.forward(ping("")).await }).await.unwrap();
    assert_eq!(seen.trace_id, caller.trace_id().to_string());
}

#[tokio::test]
async fn a_call_from_nowhere_starts_a_trace() {
    let client = App::default().client();
    let [a, b] = [client.look(ping("")).await.unwrap(), client.look(ping("")).await.unwrap()];
    assert_ne!(a.trace_id, b.trace_id);
}

#[tokio::test]
async fn the_headers_are_read() {
    let id = "4bf92f3577b34da6a3ce929d0e0e4736";
    let seen = look_with("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", "a=b").await;
    assert_eq!((seen.trace_id.as_str(), seen.tracestate.as_str()), (id, "a=b"));
}

#[tokio::test]
async fn broken_headers_cost_the_trace_and_not_the_call() {
    for bad in ["", "00-0-0-0", "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"] {
        let seen = look_with(bad, "a=b").await;
        assert_eq!(seen.trace_id.len(), 32);
        assert_eq!(seen.tracestate, "");
    }
}

#[tokio::test]
async fn two_calls_at_once_keep_their_traces_apart() {
    let client: EchoClient = App::before(App::default().client()).client();
    let [a, b] = [TraceContext::random_root(), TraceContext::random_root()];
    let (in_a, in_b) = tokio::join!(
        a.clone().scope(async { client.forward(ping("")).await.unwrap() }),
        b.clone().scope(async { client.forward(ping("")).await.unwrap() }),
    );
    assert_eq!(in_a.trace_id, a.trace_id().to_string());
    assert_eq!(in_b.trace_id, b.trace_id().to_string());
}
