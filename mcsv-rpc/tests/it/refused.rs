//! Streams that an HTTP/2 server turns away before it reads them.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use h2::server::{Connection, SendResponse, handshake};
use h2::{Reason, RecvStream};
use http::{HeaderMap, HeaderValue, Request, Response};
use hyper_util::rt::{TokioExecutor, TokioIo};
use mcsv_rpc::{Channel, Code, NeverSent, Protocol, Retry};
use tokio::net::{TcpListener, TcpStream};

use crate::app::{EchoClient, Failure, ping};

type Stream = (Request<RecvStream>, SendResponse<Bytes>);

/// A server that does with its streams as `serve` says, which is given the number of each.
struct Peer {
    url: String,
    seen: Arc<AtomicUsize>,
}

impl Peer {
    async fn start(
        serve: fn(usize, Stream, &mut Connection<TcpStream, Bytes>) -> Option<Stream>,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let seen = Arc::new(AtomicUsize::new(0));
        let count = seen.clone();
        tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let count = count.clone();
                tokio::spawn(async move {
                    let mut connection = handshake(stream).await.unwrap();
                    while let Some(Ok(stream)) = connection.accept().await {
                        let number = count.fetch_add(1, Ordering::Relaxed);
                        if let Some((_, respond)) = serve(number, stream, &mut connection) {
                            answer(respond);
                        }
                    }
                });
            }
        });
        Peer { url, seen }
    }

    fn client(&self) -> EchoClient {
        EchoClient::connect(&self.url).unwrap().with_protocol(Protocol::Grpc)
    }

    fn seen(&self) -> usize {
        self.seen.load(Ordering::Relaxed)
    }
}

/// An empty message, and that all went well.
fn answer(mut respond: SendResponse<Bytes>) {
    let head = Response::builder().header("content-type", "application/grpc").body(()).unwrap();
    let mut body = respond.send_response(head, false).unwrap();
    body.send_data(Bytes::from_static(&[0; 5]), false).unwrap();
    let status = ("grpc-status".parse().unwrap(), HeaderValue::from_static("0"));
    body.send_trailers(HeaderMap::from_iter([status])).unwrap();
}

fn refuse((_, mut respond): Stream) -> Option<Stream> {
    respond.send_reset(Reason::REFUSED_STREAM);
    None
}

#[tokio::test]
async fn a_stream_that_is_refused_is_sent_once_more_whatever_the_method() {
    let peer = Peer::start(|number, stream, _| match number % 2 {
        0 => refuse(stream),
        _ => Some(stream),
    })
    .await;
    peer.client().echo(ping("")).await.unwrap();
    peer.client().fail(Failure::default()).await.unwrap();
    peer.client().fail(Failure::default()).retry(Retry::idempotent(1)).await.unwrap();
    assert_eq!(peer.seen(), 6);
}

#[tokio::test]
async fn a_refusal_beside_an_endpoint_that_is_down_loses_no_call() {
    let peer = Peer::start(|number, stream, _| match number % 2 {
        0 => refuse(stream),
        _ => Some(stream),
    })
    .await;
    for retry in [None, Some(Retry::idempotent(1))] {
        for _ in 0..20 {
            let channel = Channel::connect_all(["http://127.0.0.1:1", &peer.url]).unwrap();
            let client = EchoClient::from_channel(channel.with_protocol(Protocol::Grpc));
            let call = client.fail(Failure::default());
            match retry {
                None => call.await.unwrap(),
                Some(retry) => call.retry(retry).await.unwrap(),
            };
        }
    }
    assert_eq!(peer.seen(), 80);
}

#[tokio::test]
async fn a_server_that_refuses_all_is_asked_twice() {
    let peer = Peer::start(|_, stream, _| refuse(stream)).await;
    for (call, sent) in [
        (peer.client().fail(Failure::default()), 2),
        (peer.client().fail(Failure::default()).retry(Retry::idempotent(1)), 2),
        (peer.client().fail(Failure::default()).retry(Retry::idempotent(3)), 4),
    ] {
        let before = peer.seen();
        let error = call.await.unwrap_err();
        assert_eq!(error.code(), Code::Unavailable);
        assert!(NeverSent::is_in(&error), "{error:?}");
        assert_eq!(peer.seen() - before, sent);
    }
}

/// The table of gRPC's mapping to HTTP/2.
#[tokio::test]
async fn a_stream_that_is_reset_for_another_reason_is_not_sent_again() {
    const REASONS: [(Reason, Code); 5] = [
        (Reason::CANCEL, Code::Canceled),
        (Reason::ENHANCE_YOUR_CALM, Code::ResourceExhausted),
        (Reason::INADEQUATE_SECURITY, Code::PermissionDenied),
        (Reason::INTERNAL_ERROR, Code::Internal),
        (Reason::PROTOCOL_ERROR, Code::Internal),
    ];
    let peer = Peer::start(|number, (_, mut respond), _| {
        respond.send_reset(REASONS[number].0);
        None
    })
    .await;
    let client = peer.client();
    for (_, code) in REASONS {
        let call = client.echo(ping("")).timeout(Duration::from_secs(3600));
        let error = call.await.unwrap_err();
        assert_eq!(error.code(), code, "{error:?}");
        assert!(!NeverSent::is_in(&error), "{error:?}");
    }
    assert_eq!(peer.seen(), REASONS.len());
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_the_server_cancels_at_its_deadline_is_late() {
    let (ours, theirs) = tokio::io::duplex(64 << 10);
    tokio::spawn(async move {
        let mut connection = handshake(theirs).await.unwrap();
        while let Some(Ok((request, mut respond))) = connection.accept().await {
            assert_eq!(request.headers()["grpc-timeout"], "1000m");
            tokio::spawn(async move {
                tokio::time::sleep(Duration::from_secs(1)).await;
                respond.send_reset(Reason::CANCEL);
            });
        }
    });
    let (sender, connection) =
        hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(ours))
            .await
            .unwrap();
    tokio::spawn(connection);
    let transport = tower::service_fn(move |request| sender.clone().send_request(request));
    let client = EchoClient::new(transport).with_protocol(Protocol::Grpc);
    // The client's own clock has half a millisecond to go.
    let call = client.echo(ping("")).timeout(Duration::from_micros(1_000_500));
    assert_eq!(call.await.unwrap_err().code(), Code::DeadlineExceeded);
}

#[tokio::test]
async fn calls_go_on_while_the_server_leaves_its_connections() {
    // Says so with every twentieth stream, and finishes what it has.
    let peer = Peer::start(|number, stream, connection| {
        if number % 20 == 19 {
            connection.graceful_shutdown();
        }
        Some(stream)
    })
    .await;
    let client = peer.client();
    let caller = |_| async {
        for _ in 0..50 {
            client.fail(Failure::default()).await.unwrap();
        }
    };
    futures_util::future::join_all((0..8).map(caller)).await;
    assert_eq!(peer.seen(), 400);
}
