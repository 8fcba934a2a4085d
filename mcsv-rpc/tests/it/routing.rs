use http::{Method, Request};
use mcsv_rpc::{Body, Channel, Code, Router};
use prost::Message;

use crate::app::{App, EchoClient, EchoServer, Ping, ping};
use crate::wire::{check_error, echo_request, post, send};

#[track_caller]
fn check_is_echo(response: &http::Response<bytes::Bytes>, text: &str) {
    assert_eq!(response.status(), 200);
    assert_eq!(Ping::decode(response.body().clone()).unwrap(), ping(text));
}

#[tokio::test]
async fn every_form_of_the_path_reaches_the_handler() {
    let router = Router::new().add(
        EchoServer::new(App::default()).with_alias("echo_svc").with_method_alias("Repeat", "Echo"),
    );
    router.check().unwrap();
    for service in ["twirp/echo.v1.Echo", "echo.v1.Echo", "echo_svc"] {
        for method in ["Echo", "Repeat"] {
            let request = post(&format!("/{service}/{method}"), ping("hi").encode_to_vec());
            check_is_echo(&send(&router, request).await, "hi");
        }
    }
}

#[tokio::test]
async fn twirp_has_the_prefix_that_is_set_whenever_that_was() {
    let service = || EchoServer::new(App::default());
    for prefix in ["", "/api/rpc", "/x/"] {
        let before = Router::new().with_twirp_prefix(prefix).add(service());
        let after = Router::new().add(service()).with_twirp_prefix("/y").with_twirp_prefix(prefix);
        for router in [before, after] {
            router.check().unwrap();
            let path = format!("{}/echo.v1.Echo/Echo", prefix.trim_end_matches('/'));
            check_is_echo(&send(&router, post(&path, ping("hi").encode_to_vec())).await, "hi");
            let moved = send(&router, echo_request("hi")).await;
            check_error(&moved, 404, "bad_route");
            let client =
                EchoClient::from_channel(Channel::in_process(router).with_twirp_prefix(prefix));
            client.echo(ping("hi")).await.unwrap();
        }
    }
}

#[tokio::test]
async fn a_prefix_that_reaches_nothing_is_a_defect() {
    let identity = tower::layer::util::Identity::new();
    let late = App::default().router().layer(identity).with_twirp_prefix("/late");
    assert!(late.check().unwrap_err().message().contains("/late"));
    assert!(Router::new().with_twirp_prefix("no-slash").check().is_err());
}

#[tokio::test]
async fn every_protocol_is_answered_at_every_path() {
    let router = Router::new().add(EchoServer::new(App::default()).with_alias("echo_svc"));
    for service in ["twirp/echo.v1.Echo", "echo.v1.Echo", "echo_svc"] {
        let mut connect = post(&format!("/{service}/Fail"), b"{\"how\":\"canceled\"}".to_vec());
        connect.headers_mut().insert("content-type", "application/json".parse().unwrap());
        connect.headers_mut().insert("connect-protocol-version", "1".parse().unwrap());
        assert_eq!(send(&router, connect).await.status(), 499);
        let mut grpc = post(&format!("/{service}/Echo"), vec![0, 0, 0, 0, 0]);
        *grpc.version_mut() = http::Version::HTTP_2;
        grpc.headers_mut().insert("content-type", "application/grpc".parse().unwrap());
        assert_eq!(send(&router, grpc).await.headers()["content-type"], "application/grpc");
    }
}

#[tokio::test]
async fn the_answer_has_the_request_s_content_type() {
    for sent in ["application/protobuf", "application/x-protobuf", "application/proto"] {
        for parameter in ["", "; charset=utf-8"] {
            let mut request = echo_request("hi");
            let value = format!("{sent}{parameter}").parse().unwrap();
            request.headers_mut().insert("content-type", value);
            let response = send(&App::default().router(), request).await;
            check_is_echo(&response, "hi");
            assert_eq!(response.headers()["content-type"], sent);
        }
    }
}

#[tokio::test]
async fn content_types_are_read_in_any_case() {
    let mut request = echo_request("hi");
    request.headers_mut().insert("content-type", "Application/Protobuf ;x=y".parse().unwrap());
    check_is_echo(&send(&App::default().router(), request).await, "hi");
}

#[tokio::test]
async fn an_unknown_path_is_a_bad_route() {
    let paths = [
        "/",
        "/twirp/echo.v1.Echo",
        "/twirp/echo.v1.Echo/",
        "/twirp/echo.v1.Echo/echo",
        "/twirp/echo.v1.Echo/Echo/",
        "/twirp/Echo/Echo",
        "/other/Echo",
        "//echo_svc/Echo",
    ];
    for path in paths {
        let response = send(&App::default().router(), post(path, Body::empty())).await;
        let message = check_error(&response, 404, "bad_route");
        assert!(message.contains(path), "{message}");
    }
}

#[tokio::test]
async fn a_very_long_path_is_shown_in_part() {
    let path = format!("/{}", "a".repeat(5000));
    let response = send(&App::default().router(), post(&path, Body::empty())).await;
    assert!(check_error(&response, 404, "bad_route").len() < 300);
}

#[tokio::test]
async fn only_post_calls_a_method() {
    for method in [Method::GET, Method::PUT, Method::DELETE, Method::OPTIONS] {
        let mut request = echo_request("hi");
        *request.method_mut() = method.clone();
        let response = send(&App::default().router(), request).await;
        let message = check_error(&response, 404, "bad_route");
        assert!(message.contains(method.as_str()) && message.contains("use POST"), "{message}");
    }
}

#[tokio::test]
async fn other_content_types_are_bad_routes() {
    let sent = ["text/plain", "application/grpc", "application/protobufs", "\u{e9}"];
    for content_type in sent {
        let mut request = echo_request("hi");
        let value = http::HeaderValue::from_bytes(content_type.as_bytes()).unwrap();
        request.headers_mut().insert("content-type", value);
        let response = send(&App::default().router(), request).await;
        let message = check_error(&response, 404, "bad_route");
        assert!(message.contains("send application/protobuf"), "{message}");
    }
    let request = Request::post("/echo_svc/Echo").body(Body::empty()).unwrap();
    check_error(&send(&App::default().router(), request).await, 404, "bad_route");
}

#[tokio::test]
async fn an_unknown_compression_is_refused_as_such() {
    let mut request = echo_request("hi");
    request.headers_mut().insert("content-encoding", "br".parse().unwrap());
    let response = send(&App::default().router(), request).await;
    let message = check_error(&response, 501, "unimplemented");
    assert!(message.contains("gzip or identity"), "{message}");

    for second in ["identity", "gzip"] {
        let mut request = echo_request("hi");
        for coding in ["gzip", second] {
            request.headers_mut().append("content-encoding", coding.parse().unwrap());
        }
        let response = send(&App::default().router(), request).await;
        check_error(&response, 501, "unimplemented");
    }
}

#[track_caller]
fn check_defect(router: Router, part: &str) {
    let error = router.check().unwrap_err();
    assert_eq!(error.code(), Code::FailedPrecondition);
    assert!(error.message().contains(part), "{error}");
}

#[tokio::test]
async fn routes_that_can_t_be_reached_are_found_before_serving() {
    let server = || EchoServer::new(App::default());
    check_defect(Router::new().add(server()).add(server()), "taken twice");
    check_defect(Router::new().add(server().with_alias("a").with_alias("a")), "\"/a/Echo\"");
    check_defect(Router::new().add(server().with_method_alias("X", "Ecko")), "\"Ecko\"");
    check_defect(Router::new().add(server().with_body_limit("Ecko", 1)), "\"Ecko\"");
    check_defect(Router::new().nest("x/", App::default().router()), "slash");
    check_defect(Router::new().route("x", App::default().router()), "slash");
    let layered =
        Router::new().add(server()).add(server()).layer(tower::layer::util::Identity::new());
    check_defect(layered, "taken twice");
}
