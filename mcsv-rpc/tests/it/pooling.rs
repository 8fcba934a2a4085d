use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use crate::app::{App, EchoClient, Running, ping};

/// A server that closes each connection after one answer, without having said so.
async fn curt(connections: Arc<AtomicUsize>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            connections.fetch_add(1, Ordering::Relaxed);
            // The whole request is one small segment.
            let read = stream.read(&mut [0; 4096]).await.unwrap();
            if read > 0 {
                let answer = b"HTTP/1.1 200 OK\r\ncontent-type: application/protobuf\r\n\
                               content-length: 0\r\n\r\n";
                stream.write_all(answer).await.unwrap();
            }
        }
    });
    url
}

#[tokio::test]
async fn a_connection_that_was_closed_while_idle_costs_no_call() {
    let connections = Arc::new(AtomicUsize::new(0));
    let client = EchoClient::connect(curt(connections.clone()).await).unwrap();
    for _ in 0..20 {
        client.echo(ping("hi")).await.unwrap();
        // Lets the end of the connection arrive: the next call starts after it.
        for _ in 0..20 {
            tokio::task::yield_now().await;
        }
    }
    assert_eq!(connections.load(Ordering::Relaxed), 20);
}

#[tokio::test]
async fn calls_one_after_another_share_a_connection() {
    let running = Running::start_with(App::default().router(), |server| {
        // A second connection would wait for ever.
        server.with_max_connections(1)
    });
    let running = running.await;
    let client = running.client();
    for _ in 0..10 {
        client.clone().echo(ping("hi")).await.unwrap();
    }
}
