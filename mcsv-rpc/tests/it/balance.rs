//! Balancing over sockets, with servers that stop and start.

use std::sync::{Arc, Mutex};

use http::Request;
use mcsv_core::Shutdown;
use mcsv_rpc::{
    Body, Channel, Code, Endpoints, NeverSent, Protocol, Result, Retry, Server, Transport,
};
use tokio::task::JoinHandle;
use tower::ServiceExt;

use crate::app::{App, EchoClient, ping};

const PROTOCOLS: [Protocol; 3] = [Protocol::Twirp, Protocol::Connect, Protocol::Grpc];

/// Where nobody listens.
const CLOSED: [&str; 3] = ["http://127.0.0.1:1", "http://127.0.0.2:1", "http://127.0.0.3:1"];

/// A server that can be stopped and started again on its port.
struct Node {
    address: String,
    running: Option<(Shutdown, JoinHandle<Result<()>>)>,
}

impl Node {
    async fn start() -> Self {
        let mut node = Node { address: "127.0.0.1:0".to_owned(), running: None };
        node.resume().await;
        node
    }

    async fn resume(&mut self) {
        let server = Server::bind(&self.address).await.unwrap();
        self.address = server.local_addr().to_string();
        let shutdown = Shutdown::new();
        let done = tokio::spawn(server.serve(App::default().router(), shutdown.clone()));
        self.running = Some((shutdown, done));
    }

    async fn stop(&mut self) {
        let (shutdown, done) = self.running.take().unwrap();
        shutdown.begin();
        done.await.unwrap().unwrap();
    }

    fn url(&self) -> String {
        format!("http://{}", self.address)
    }
}

async fn good(client: &EchoClient, count: u32) -> u32 {
    let mut good = 0;
    for _ in 0..count {
        match client.echo(ping("")).await {
            Ok(_) => good += 1,
            Err(error) => assert_eq!(error.code(), Code::Unavailable, "{error}"),
        }
    }
    good
}

async fn check(protocol: Protocol) {
    let (mut a, mut b) = (Node::start().await, Node::start().await);
    let channel = Channel::connect_all([a.url(), b.url()]).unwrap().with_protocol(protocol);
    let plain = EchoClient::from_channel(channel.clone());
    let retrying = EchoClient::from_channel(channel.with_retry(Retry::idempotent(3)));
    assert_eq!(good(&plain, 50).await, 50);

    // With one of two down, no call is lost that may be sent again, and few of the others.
    a.stop().await;
    assert_eq!(good(&retrying, 50).await, 50);
    assert!(good(&plain, 50).await >= 48);

    b.stop().await;
    assert_eq!(good(&plain, 50).await, 0);

    // The one that is never left out answers at once, the other when it is probed.
    a.resume().await;
    b.resume().await;
    assert_eq!(good(&retrying, 50).await, 50);
    b.stop().await;
    assert_eq!(good(&retrying, 20).await, 20);
}

#[tokio::test]
async fn calls_survive_servers_that_stop_and_come_back() {
    for protocol in PROTOCOLS {
        check(protocol).await;
    }
}

#[tokio::test]
async fn an_endpoint_that_is_down_loses_no_call_whatever_the_method() {
    let node = Node::start().await;
    for protocol in PROTOCOLS {
        // Anew, since an endpoint that is down is soon left out.
        for _ in 0..40 {
            let channel = Channel::connect_all([CLOSED[0], &node.url()]).unwrap();
            let client = EchoClient::from_channel(channel.with_protocol(protocol));
            for _ in 0..5 {
                client.look(ping("")).await.unwrap();
                client.look(ping("")).retry(Retry::idempotent(1)).await.unwrap();
            }
        }
    }
}

/// What calls of a channel to `urls` are sent to, and the error that each of them ends with.
async fn asked(
    urls: &[&str],
    protocol: Protocol,
    set: fn(Channel) -> Channel,
) -> (Vec<String>, mcsv_rpc::Error) {
    let hosts = Arc::new(Mutex::new(Vec::new()));
    let (seen, transport) = (hosts.clone(), Transport::http2());
    let service = tower::service_fn(move |request: Request<Body>| {
        seen.lock().unwrap().push(request.uri().host().unwrap().to_owned());
        transport.clone().oneshot(request)
    });
    let channel = Channel::new(service).with_endpoints(Endpoints::new(urls).unwrap());
    let client = EchoClient::from_channel(set(channel).with_protocol(protocol));
    let error = client.look(ping("")).await.unwrap_err();
    let mut hosts = hosts.lock().unwrap().clone();
    hosts.sort();
    (hosts, error)
}

#[tokio::test]
async fn each_endpoint_is_asked_once_where_none_can_be_reached() {
    for protocol in PROTOCOLS {
        for set in [|channel| channel, |channel: Channel| channel.with_retry(Retry::idempotent(1))]
        {
            for count in [1, 2, 3] {
                let (hosts, error) = asked(&CLOSED[..count], protocol, set).await;
                assert_eq!(hosts, ["127.0.0.1", "127.0.0.2", "127.0.0.3"][..count]);
                assert_eq!(error.code(), Code::Unavailable);
                assert!(NeverSent::is_in(&error), "{error:?}");
            }
        }
    }
}

#[tokio::test]
async fn the_list_may_change_while_it_is_used() {
    let (mut a, b) = (Node::start().await, Node::start().await);
    let endpoints = Endpoints::new([a.url()]).unwrap();
    let client = EchoClient::from_channel(Channel::balanced(endpoints.clone()));
    assert_eq!(good(&client, 10).await, 10);
    endpoints.replace([b.url()]).unwrap();
    a.stop().await;
    assert_eq!(good(&client, 10).await, 10);
}

#[tokio::test]
async fn every_protocol_goes_over_http_2_where_it_is_asked_for() {
    let node = Node::start().await;
    let channel = Channel::connect(node.url()).unwrap().with_http2();
    for protocol in [Protocol::Twirp, Protocol::Connect, Protocol::Grpc, Protocol::Twirp] {
        let client = EchoClient::from_channel(channel.clone().with_protocol(protocol));
        let answer = client.echo(ping("hi")).into_response().await.unwrap();
        assert_eq!(answer.version(), http::Version::HTTP_2);
        assert_eq!(answer.into_body(), ping("hi"));
    }
}
