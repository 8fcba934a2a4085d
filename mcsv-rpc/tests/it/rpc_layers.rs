use std::sync::{Arc, Mutex};
use std::time::Duration;

use http::header::{HeaderName, HeaderValue, WWW_AUTHENTICATE};
use mcsv_core::Health;
use mcsv_rpc::{Code, Cx, Deadline, Error, Next, Protocol, Reply, Result, Router, RpcLayer};

use crate::app::{App, EchoClient, Failure, ping};

const ALL: [Protocol; 3] = [Protocol::Twirp, Protocol::Connect, Protocol::Grpc];
const TENANT: HeaderName = HeaderName::from_static("x-tenant");

fn in_each_protocol(router: &Router) -> [EchoClient; 3] {
    ALL.map(|protocol| EchoClient::in_process(router.clone()).with_protocol(protocol))
}

/// Notes when a call comes by and when it comes back.
struct Noting(&'static str, Arc<Mutex<Vec<String>>>);

impl RpcLayer for Noting {
    async fn call(&self, cx: Cx, next: Next) -> Result<Reply> {
        let Noting(name, notes) = self;
        notes.lock().unwrap().push(format!("{name} before"));
        let reply = next.run(cx).await;
        let how = if reply.is_ok() { "ok" } else { "error" };
        notes.lock().unwrap().push(format!("{name} {how}"));
        reply
    }
}

fn failure(how: &str) -> Failure {
    Failure { how: how.to_owned(), message: "told".to_owned(), ..Failure::default() }
}

#[tokio::test]
async fn the_layer_that_was_added_last_is_outermost() {
    let notes = Arc::new(Mutex::new(Vec::new()));
    let router = App::default()
        .router()
        .rpc_layer(Noting("inner", notes.clone()))
        .layer(tower::layer::layer_fn(|router: Router| router))
        .rpc_layer(Noting("middle", notes.clone()));
    let router = Router::new().nest("/", router).rpc_layer(Noting("outer", notes.clone()));
    let client = EchoClient::in_process(router);

    assert_eq!(client.echo(ping("hi")).await.unwrap(), ping("hi"));
    let seen = std::mem::take(&mut *notes.lock().unwrap());
    let expected =
        ["outer before", "middle before", "inner before", "inner ok", "middle ok", "outer ok"];
    assert_eq!(seen, expected);

    client.fail(failure("not_found")).await.unwrap_err();
    assert_eq!(notes.lock().unwrap()[3..], ["inner error", "middle error", "outer error"]);
}

#[tokio::test]
async fn a_refusal_reaches_each_protocol_with_its_headers_and_details() {
    let router = App::default().router().rpc_layer(|mut cx: Cx, _: Next| async move {
        cx.response_headers_mut().insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        cx.response_headers_mut().insert("x-who", HeaderValue::from_static("nobody"));
        Err(Error::unauthenticated("who are you?").with_detail("a.B", [1]).with_meta("k", "v"))
    });
    for client in in_each_protocol(&router) {
        let error = client.echo(ping("hi")).await.unwrap_err();
        assert_eq!((error.code(), error.message()), (Code::Unauthenticated, "who are you?"));
        assert_eq!(error.meta("k"), Some("v"));
    }
    let request = crate::wire::echo_request("hi");
    let response = crate::wire::send(&router, request).await;
    assert_eq!(response.status(), 401);
    assert_eq!(response.headers()[WWW_AUTHENTICATE], "Bearer");
    assert_eq!(response.headers()["x-who"], "nobody");
}

#[tokio::test]
async fn a_refusal_comes_before_the_body_is_read() {
    async fn refuse(_: Cx, _: Next) -> Result<Reply> {
        Err(Error::permission_denied("not you"))
    }
    let router = App::default().router().with_body_limit(1).rpc_layer(refuse);
    for client in in_each_protocol(&router) {
        let error = client.echo(ping("too long for the limit")).await.unwrap_err();
        assert_eq!(error.code(), Code::PermissionDenied);
    }
}

#[tokio::test]
async fn a_layer_changes_what_the_handler_sees_and_what_comes_back() {
    let router = App::default().router().rpc_layer(|mut cx: Cx, next: Next| async move {
        let spoken = format!("{:?}", cx.protocol());
        cx.headers_mut().insert(TENANT, HeaderValue::try_from(spoken)?);
        let mut reply = next.run(cx).await?;
        assert!(reply.wire_size() > 0);
        reply.headers_mut().insert("x-layer", HeaderValue::from_static("was here"));
        Ok(reply)
    });
    for (client, protocol) in in_each_protocol(&router).into_iter().zip(ALL) {
        let seen = client.look(ping("")).into_response().await.unwrap();
        assert_eq!(seen.headers()["x-layer"], "was here");
        assert_eq!(seen.body().tenant, format!("{protocol:?}"));
    }
}

#[tokio::test]
async fn a_layer_replaces_an_error_and_keeps_the_handler_s_headers() {
    let router = App::default().router().rpc_layer(|cx: Cx, next: Next| async move {
        next.run(cx).await.map_err(|error| match error.code() {
            Code::NotFound => Error::permission_denied("nothing to see"),
            _ => error,
        })
    });
    for client in in_each_protocol(&router) {
        let error = client.fail(failure("not_found")).await.unwrap_err();
        assert_eq!(error.code(), Code::PermissionDenied);
    }
    use prost::Message as _;
    let body = failure("not_found").encode_to_vec();
    let request = http::Request::post("/twirp/echo.v1.Echo/Fail")
        .header("content-type", "application/protobuf")
        .body(mcsv_rpc::Body::from(body))
        .unwrap();
    assert_eq!(crate::wire::send(&router, request).await.headers()["x-failed"], "yes");
}

#[tokio::test]
async fn a_panic_in_a_layer_is_answered_as_internal() {
    let layer = |cx: Cx, _: Next| async move { panic!("{} is too much", cx.method().name()) };
    let router = App::default().router().rpc_layer(layer);
    for client in in_each_protocol(&router) {
        let error = client.echo(ping("")).await.unwrap_err();
        assert_eq!((error.code(), error.message()), (Code::Internal, "internal error"));
    }
}

#[tokio::test(start_paused = true)]
async fn the_deadline_ends_a_layer_that_waits() {
    let router = App::default().router().rpc_layer(|_: Cx, _: Next| std::future::pending());
    for client in in_each_protocol(&router) {
        let call = client.echo(ping("")).timeout(Duration::from_secs(1));
        assert_eq!(call.await.unwrap_err().code(), Code::DeadlineExceeded);
    }
}

#[tokio::test(start_paused = true)]
async fn a_layer_shortens_the_deadline_and_can_t_extend_it() {
    let router = App::default().router().rpc_layer(|mut cx: Cx, next: Next| async move {
        let now = tokio::time::Instant::now().into_std();
        cx.shorten_deadline(Deadline::after(now, Duration::from_secs(5)));
        next.run(cx).await
    });
    for client in in_each_protocol(&router) {
        let seen = client.look(ping("")).await.unwrap();
        assert!((4_000..=5_000).contains(&seen.remaining_ms), "{}", seen.remaining_ms);
        let seen = client.look(ping("")).timeout(Duration::from_secs(2)).await.unwrap();
        assert!((1_000..=2_000).contains(&seen.remaining_ms), "{}", seen.remaining_ms);
        assert_eq!(client.wait(ping("")).await.unwrap_err().code(), Code::DeadlineExceeded);
    }
}

#[tokio::test]
async fn details_pass_through_a_service_that_answers_its_own_call_s_error() {
    let behind = App::default().client().with_protocol(Protocol::Connect);
    let router = App::default().router().rpc_layer(move |_: Cx, _: Next| {
        let call = behind.fail(failure("detail"));
        async move { Err(call.await.unwrap_err()) }
    });
    for protocol in [Protocol::Connect, Protocol::Grpc] {
        let client = EchoClient::in_process(router.clone()).with_protocol(protocol);
        let error = client.echo(ping("")).await.unwrap_err();
        assert_eq!(error.details()[0].type_name(), "echo.v1.Ping");
    }
}

#[tokio::test]
async fn services_that_are_added_later_and_health_stay_outside() {
    let refuse = |_: Cx, _: Next| async { Err(Error::unauthenticated("who are you?")) };
    let router = Router::new()
        .health(Health::new())
        .rpc_layer(refuse)
        .add(crate::app::EchoServer::new(App::default()));
    assert_eq!(EchoClient::in_process(router.clone()).echo(ping("a")).await.unwrap(), ping("a"));

    let check = http::Request::post("/grpc.health.v1.Health/Check")
        .header("content-type", "application/proto")
        .body(mcsv_rpc::Body::empty())
        .unwrap();
    assert_eq!(crate::wire::send(&router, check).await.status(), 200);
}
