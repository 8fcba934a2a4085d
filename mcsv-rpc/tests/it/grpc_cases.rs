//! The unary cases of gRPC's own interoperability tests, by their names, client and server both ours.
//!
//! <https://github.com/grpc/grpc/blob/master/doc/interop-test-descriptions.md>

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderName, HeaderValue};
use mcsv_rpc::{Call, Channel, Code, Cx, Next, Protocol, RpcMethod};

use crate::app::{App, EchoClient, Failure, Ping, Running, ping};

static INITIAL: HeaderName = HeaderName::from_static("x-grpc-test-echo-initial");
static TRAILING: HeaderName = HeaderName::from_static("x-grpc-test-echo-trailing-bin");
static SEEN: HeaderName = HeaderName::from_static("x-seen-encoding");

/// A server that gives the metadata back which the cases send, and a channel to it.
async fn started() -> (Running, Channel) {
    let app = App::default().router().rpc_layer(|mut cx: Cx, next: Next| async move {
        let header = |name: &HeaderName| cx.headers().get(name).cloned();
        let (initial, trailing) = (header(&INITIAL), header(&TRAILING));
        let encoding = header(&HeaderName::from_static("grpc-encoding"));
        for (name, value) in [(&INITIAL, initial), (&SEEN, encoding)] {
            cx.response_headers_mut().extend(value.map(|value| (name.clone(), value)));
        }
        if let Some(value) = trailing {
            cx.add_response_trailer(&TRAILING, value);
        }
        next.run(cx).await
    });
    let running = Running::start(app).await;
    let channel = Channel::connect(&running.url).unwrap().with_protocol(Protocol::Grpc);
    (running, channel)
}

fn large() -> Ping {
    Ping { data: Bytes::from(vec![0; 271_828]), ..ping("") }
}

#[tokio::test]
async fn empty_unary() {
    let (_running, channel) = started().await;
    let client = EchoClient::from_channel(channel);
    assert_eq!(client.echo(Ping::default()).await.unwrap(), Ping::default());
}

#[tokio::test]
async fn large_unary() {
    let (_running, channel) = started().await;
    let outcome = EchoClient::from_channel(channel).echo(large()).into_outcome().await;
    assert_eq!(outcome.result().unwrap(), &large());
    assert!(!outcome.headers().contains_key(&SEEN));
    assert!(!outcome.headers().contains_key("grpc-encoding"));
}

#[tokio::test]
async fn client_compressed_unary_and_server_compressed_unary() {
    let (_running, channel) = started().await;
    for (channel, coding) in [
        (channel.clone().with_gzip(), "gzip"),
        #[cfg(feature = "zstd")]
        (channel.clone().with_zstd(), "zstd"),
    ] {
        let client = EchoClient::from_channel(channel);
        let outcome = client.echo(large()).into_outcome().await;
        assert_eq!(outcome.result().unwrap(), &large());
        assert_eq!(outcome.headers()[&SEEN], coding);
        assert_eq!(outcome.headers()["grpc-encoding"], coding);
        // A message that is not worth it goes as it is, on a channel that compresses.
        let outcome = client.echo(ping("short")).into_outcome().await;
        assert_eq!(outcome.result().unwrap(), &ping("short"));
        assert!(!outcome.headers().contains_key(&SEEN));
    }
}

#[tokio::test]
async fn custom_metadata() {
    let (_running, channel) = started().await;
    let client = EchoClient::from_channel(channel);
    let initial = HeaderValue::from_static("test_initial_metadata_value");
    let trailing = HeaderValue::from_static("q6ur"); // 0xababab
    let call = client.echo(ping("")).header(&INITIAL, &initial).header(&TRAILING, &trailing);
    let outcome = call.into_outcome().await;
    assert!(outcome.result().is_ok());
    assert_eq!(outcome.headers().get(&INITIAL), Some(&initial));
    assert_eq!(outcome.trailers().get(&TRAILING), Some(&trailing));
    assert!(!outcome.headers().contains_key(&TRAILING));
}

async fn check_message(message: &str) {
    let (_running, channel) = started().await;
    let failure = Failure { how: "unknown".into(), message: message.into(), ..Failure::default() };
    let error = EchoClient::from_channel(channel).fail(failure).await.unwrap_err();
    assert_eq!((error.code(), error.message()), (Code::Unknown, message));
}

#[tokio::test]
async fn status_code_and_message() {
    check_message("test status message").await;
}

#[tokio::test]
async fn special_status_message() {
    check_message("\t\nspace around, of the BMP ☺ and beyond 😈\r\n").await;
}

async fn check_unimplemented(method: &'static RpcMethod) {
    let (_running, channel) = started().await;
    let call: Call<Ping> = channel.call(method, &ping(""));
    assert_eq!(call.await.unwrap_err().code(), Code::Unimplemented);
}

#[tokio::test]
async fn unimplemented_method() {
    static METHOD: RpcMethod = RpcMethod::new("echo.v1.Echo/Unimplemented");
    check_unimplemented(&METHOD).await;
}

#[tokio::test]
async fn unimplemented_service() {
    static METHOD: RpcMethod = RpcMethod::new("echo.v1.Unimplemented/Echo");
    check_unimplemented(&METHOD).await;
}

#[tokio::test]
async fn timeout_on_sleeping_server() {
    let (_running, channel) = started().await;
    let client = EchoClient::from_channel(channel);
    let error = client.wait(ping("")).timeout(Duration::from_millis(50)).await.unwrap_err();
    assert_eq!(error.code(), Code::DeadlineExceeded);
}
