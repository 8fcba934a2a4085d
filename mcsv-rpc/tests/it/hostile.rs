use http::{HeaderValue, Method, Request};
use mcsv_rpc::Body;
use proptest::prelude::*;

use crate::app::App;
use crate::wire::{post, send};

fn wait<F: Future>(future: F) -> F::Output {
    tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(future)
}

proptest! {
    #[test]
    fn any_body_is_a_message_or_malformed(
        body in proptest::collection::vec(any::<u8>(), 0..200),
        method in proptest::sample::select(vec!["Echo", "Look", "Fail"]),
    ) {
        let request = post(&format!("/echo_svc/{method}"), body);
        let status = wait(send(&App::default().router(), request)).status().as_u16();
        // Fail answers whatever a message that passes tells it.
        prop_assert!(method == "Fail" || matches!(status, 200 | 400), "{status}");
    }

    #[test]
    fn any_head_gets_an_answer(
        verb in "[A-Z]{1,12}",
        path in "/[ -~&&[^ #]]{0,40}",
        name in proptest::sample::select(vec![
            "content-type", "connect-timeout-ms", "grpc-timeout", "traceparent", "tracestate",
            "content-encoding", "expect",
        ]),
        value in proptest::collection::vec(32_u8..=255, 0..60),
    ) {
        let Ok(value) = HeaderValue::from_bytes(&value) else { return Ok(()) };
        prop_assume!(verb != "POST");
        let router = App::default().router();
        for path in [path.as_str(), "/echo_svc/Look"] {
            let mut request = post("/", Body::empty());
            let Ok(uri) = path.parse() else { continue };
            *request.uri_mut() = uri;
            *request.method_mut() = Method::from_bytes(verb.as_bytes()).unwrap();
            request.headers_mut().insert(name, value.clone());
            let status = wait(send(&router, request)).status().as_u16();
            prop_assert_eq!(status, 404);
        }
        let request = Request::post("/echo_svc/Look").header("content-type", "application/protobuf");
        let request = request.header(name, value).body(Body::empty()).unwrap();
        let status = wait(send(&router, request)).status().as_u16();
        prop_assert!(matches!(status, 200 | 400 | 404 | 408 | 501), "{status}");
    }
}
