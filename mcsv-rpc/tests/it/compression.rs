//! gzip and zstd, in each protocol and both ways.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use http::{HeaderMap, Request, Response, Version};
use mcsv_rpc::{Body, Code, Protocol, Router};
use prost::Message;

use crate::app::{App, EchoClient, Ping, Running, ping};
use crate::wire::{CODINGS, packed, send, unpacked};

const PROTOCOLS: [Protocol; 3] = [Protocol::Twirp, Protocol::Connect, Protocol::Grpc];

/// A request of `protocol` with a message that is packed already, if it says so.
fn request(protocol: Protocol, coding: &str, message: &[u8]) -> Request<Body> {
    let (path, content_type) = match protocol {
        Protocol::Twirp => ("/twirp/echo.v1.Echo/Echo", "application/protobuf"),
        Protocol::Grpc => ("/echo.v1.Echo/Echo", "application/grpc"),
        _ => ("/echo.v1.Echo/Echo", "application/proto"),
    };
    let length = u32::try_from(message.len()).unwrap().to_be_bytes();
    let flag = u8::from(coding != "identity");
    let body = match protocol {
        Protocol::Grpc => [&[flag][..], &length, message].concat(),
        _ => message.to_vec(),
    };
    let request = Request::post(path).header("content-type", content_type);
    let request = request.version(Version::HTTP_2).header(name(protocol), coding);
    request.body(body.into()).unwrap()
}

fn name(protocol: Protocol) -> &'static str {
    match protocol {
        Protocol::Grpc => "grpc-encoding",
        _ => "content-encoding",
    }
}

fn accept_name(protocol: Protocol) -> &'static str {
    match protocol {
        Protocol::Grpc => "grpc-accept-encoding",
        _ => "accept-encoding",
    }
}

fn accepting(mut request: Request<Body>, protocol: Protocol, accepted: &str) -> Request<Body> {
    request.headers_mut().insert(accept_name(protocol), accepted.parse().unwrap());
    request
}

/// What an answer is packed with, and its message.
#[track_caller]
fn read(protocol: Protocol, response: &Response<Bytes>) -> (String, Ping) {
    assert_eq!(response.status(), 200, "{response:?}");
    let coding = response.headers().get(name(protocol)).map_or("identity", |v| v.to_str().unwrap());
    let message = match protocol {
        Protocol::Grpc => {
            assert_eq!(response.body()[0], u8::from(coding != "identity"));
            response.body().slice(5..)
        }
        _ => response.body().clone(),
    };
    (coding.to_owned(), Ping::decode(&unpacked(coding, &message)[..]).unwrap())
}

async fn answer(request: Request<Body>) -> Response<Bytes> {
    send(&App::default().router(), request).await
}

/// What a client makes of this answer.
async fn client_error(protocol: Protocol, response: Response<Bytes>) -> mcsv_rpc::Error {
    let server = tower::service_fn(move |_: Request<Body>| {
        let (parts, body) = response.clone().into_parts();
        let response = Response::from_parts(parts, Body::from(body.to_vec()));
        async { Ok::<_, std::convert::Infallible>(response) }
    });
    let client = EchoClient::new(server).with_protocol(protocol).with_zstd();
    client.echo(ping("")).await.unwrap_err()
}

/// The code of a refusal in the form of its protocol.
async fn refusal(router: &Router, protocol: Protocol, request: Request<Body>) -> (Code, HeaderMap) {
    let response = send(router, request).await;
    let headers = response.headers().clone();
    let error = client_error(protocol, response).await;
    (error.code(), headers)
}

#[tokio::test]
async fn each_coding_is_read_and_answered_in_each_protocol() {
    let long = ping(&"a".repeat(5000));
    for protocol in PROTOCOLS {
        for coding in CODINGS.0 {
            let message = packed(coding, &long.encode_to_vec());
            let request = accepting(request(protocol, coding, &message), protocol, coding);
            let response = answer(request).await;
            assert!(response.body().len() < 500);
            assert_eq!(read(protocol, &response), ((*coding).to_owned(), long.clone()));
        }
    }
}

#[tokio::test]
async fn the_answer_is_packed_as_the_client_likes_it_best() {
    let long = ping(&"a".repeat(5000));
    let best = CODINGS.0[0];
    for protocol in [Protocol::Twirp, Protocol::Connect] {
        for (accepted, expected) in [
            ("br, gzip;q=0.5", "gzip"),
            ("gzip, zstd", best),
            ("gzip, zstd;q=0.9", "gzip"),
            ("gzip;q=0.8, zstd;q=0.9", best),
            ("gzip;q=0, zstd;q=0", "identity"),
            ("identity", "identity"),
        ] {
            let request = request(protocol, "identity", &long.encode_to_vec());
            let response = answer(accepting(request, protocol, accepted)).await;
            assert_eq!(read(protocol, &response), (expected.to_owned(), long.clone()));
        }
    }
}

#[tokio::test]
async fn a_grpc_client_is_answered_in_kind() {
    let long = ping(&"a".repeat(5000)).encode_to_vec();
    for (sent, accepted, expected) in [
        ("identity", "identity,gzip,zstd", "identity"),
        ("gzip", "identity,deflate,gzip,zstd", "gzip"),
        ("gzip", "identity", "identity"),
    ] {
        let request = request(Protocol::Grpc, sent, &packed(sent, &long));
        let response = answer(accepting(request, Protocol::Grpc, accepted)).await;
        assert_eq!(read(Protocol::Grpc, &response).0, expected);
    }
}

#[tokio::test]
async fn a_short_answer_is_not_packed_and_the_bound_can_be_set() {
    let short = ping("hi").encode_to_vec();
    let request = || {
        let request = request(Protocol::Connect, "identity", &short);
        accepting(request, Protocol::Connect, CODINGS.1)
    };
    assert_eq!(read(Protocol::Connect, &answer(request()).await).0, "identity");
    let router = App::default().router().with_compression_from(0);
    let response = send(&router, request()).await;
    assert_eq!(read(Protocol::Connect, &response), (CODINGS.0[0].to_owned(), ping("hi")));
}

#[tokio::test]
async fn an_unknown_coding_is_unimplemented_and_the_known_ones_are_named() {
    let router = App::default().router();
    for protocol in PROTOCOLS {
        for unknown in ["br", "gzip, zstd", "x"] {
            let request = request(protocol, unknown, b"x");
            let (code, headers) = refusal(&router, protocol, request).await;
            assert_eq!(code, Code::Unimplemented);
            // Twirp's specification has no say in it; the others want the list.
            let named = headers.get(accept_name(protocol)).map(|value| value.to_str().unwrap());
            assert_eq!(named, (protocol != Protocol::Twirp).then_some(CODINGS.1));
        }
    }
}

#[cfg(not(feature = "zstd"))]
#[tokio::test]
async fn zstd_is_unknown_without_its_feature() {
    let router = App::default().router();
    for protocol in PROTOCOLS {
        let (code, _) = refusal(&router, protocol, request(protocol, "zstd", b"x")).await;
        assert_eq!(code, Code::Unimplemented);
    }
}

#[tokio::test]
async fn a_bomb_is_refused_at_the_limit() {
    let router = App::default().router().with_body_limit(64 * 1024);
    let plain = ping(&"a".repeat(16 << 20)).encode_to_vec();
    for coding in CODINGS.0 {
        let bomb = packed(coding, &plain);
        assert!(bomb.len() < 64 * 1024);
        for protocol in PROTOCOLS {
            let request = request(protocol, coding, &bomb);
            assert_eq!(refusal(&router, protocol, request).await.0, Code::ResourceExhausted);
        }
        let query = format!("encoding=proto&base64=1&compression={coding}");
        let query = format!("{query}&message={}", URL_SAFE_NO_PAD.encode(&bomb));
        let request = Request::get(format!("/echo.v1.Echo/Echo?{query}")).body(Body::empty());
        assert_eq!(send(&router, request.unwrap()).await.status(), 429);
    }
}

#[tokio::test]
async fn a_message_that_is_not_whole_is_malformed() {
    let router = App::default().router();
    for coding in CODINGS.0 {
        let whole = packed(coding, &ping(&"abc".repeat(500)).encode_to_vec());
        for broken in [&whole[..whole.len() - 1], &whole[1..], b"no such thing"] {
            for protocol in PROTOCOLS {
                let request = request(protocol, coding, broken);
                assert_eq!(refusal(&router, protocol, request).await.0, Code::Malformed);
            }
        }
    }
}

#[tokio::test]
async fn an_empty_body_is_an_empty_message_whatever_its_coding() {
    for coding in CODINGS.0 {
        for protocol in PROTOCOLS {
            let response = answer(request(protocol, coding, b"")).await;
            assert_eq!(read(protocol, &response), ("identity".to_owned(), ping("")));
        }
    }
}

#[tokio::test]
async fn a_client_packs_long_requests_in_every_protocol() {
    let running = Running::start(App::default().router()).await;
    let long = ping(&"a".repeat(100_000));
    for protocol in PROTOCOLS {
        let client = running.client().with_protocol(protocol);
        for client in [client.clone().with_gzip(), client.with_zstd()] {
            assert_eq!(client.echo(long.clone()).await.unwrap(), long);
            assert_eq!(client.echo(ping("hi")).await.unwrap(), ping("hi"));
            let client = client.with_response_limit(10_000);
            let error = client.echo(long.clone()).await.unwrap_err();
            assert_eq!(error.code(), Code::ResourceExhausted);
        }
    }
}

#[tokio::test]
async fn a_client_asks_for_what_it_was_set_to() {
    for (set, asked) in [
        (EchoClient::with_gzip as fn(EchoClient) -> EchoClient, "gzip"),
        (EchoClient::with_zstd, CODINGS.1),
    ] {
        for protocol in PROTOCOLS {
            let router = App::default().router();
            let server = tower::service_fn(move |request: Request<Body>| {
                let first = asked.split(',').next().unwrap();
                assert_eq!(request.headers()[name(protocol)], first);
                assert_eq!(request.headers()[accept_name(protocol)], asked);
                tower::ServiceExt::oneshot(router.clone(), request)
            });
            let client = set(EchoClient::new(server).with_protocol(protocol));
            client.echo(ping(&"a".repeat(5000))).await.unwrap();
        }
    }
}

#[tokio::test]
async fn a_client_refuses_an_answer_that_is_not_whole() {
    for coding in CODINGS.0 {
        let response = Response::builder().header("content-type", "application/proto");
        let response = response.header("content-encoding", *coding);
        let response = response.body(Bytes::from_static(b"no such thing")).unwrap();
        let error = client_error(Protocol::Connect, response).await;
        assert_eq!(error.code(), Code::Internal);
        assert!(error.message().contains(coding), "{error}");
    }
}
