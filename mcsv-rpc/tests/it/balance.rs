//! Balancing over sockets, with servers that stop and start.

use mcsv_core::Shutdown;
use mcsv_rpc::{Channel, Code, Endpoints, Protocol, Result, Retry, Server};
use tokio::task::JoinHandle;

use crate::app::{App, EchoClient, ping};

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
    for protocol in [Protocol::Twirp, Protocol::Connect, Protocol::Grpc] {
        check(protocol).await;
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
