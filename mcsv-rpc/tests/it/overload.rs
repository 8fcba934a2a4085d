use std::time::Duration;

use mcsv_rpc::{Code, Health, Protocol};

use crate::app::{App, EchoClient, Running, ping};

#[tokio::test]
async fn a_call_over_the_limit_is_shed_and_told_when_to_come_back() {
    let app = App::default();
    let gate = app.gate.clone();
    let router = app.router().health(Health::new()).with_concurrency_limit(1);
    let client = EchoClient::in_process(router);
    let first = tokio::spawn(client.wait(ping("first")).into_response());
    gate.entered.notified().await;
    for protocol in [Protocol::Twirp, Protocol::Connect, Protocol::Grpc] {
        let error = client.clone().with_protocol(protocol).echo(ping("")).await.unwrap_err();
        assert_eq!(error.code(), Code::Unavailable);
        assert_eq!(error.retry_after(), Some(Duration::from_secs(1)));
    }
    gate.open.notify_one();
    first.await.unwrap().unwrap();
    client.echo(ping("")).await.unwrap();
}

#[tokio::test]
async fn an_old_connection_ends_after_its_last_call() {
    let app = App::default();
    let gate = app.gate.clone();
    let running = Running::start_with(app.router(), |server| {
        server.with_max_connection_age(Duration::from_millis(20))
    });
    let running = running.await;
    for protocol in [Protocol::Twirp, Protocol::Grpc] {
        let client = running.client().with_protocol(protocol);
        let call = tokio::spawn(client.wait(ping("old")).into_response());
        gate.entered.notified().await;
        let mut age = tokio::time::interval(Duration::from_millis(40));
        age.tick().await;
        age.tick().await;
        gate.open.notify_one();
        assert_eq!(call.await.unwrap().unwrap().into_body(), ping("old"));
        // On a connection of its own, since the old one takes no more.
        client.echo(ping("")).await.unwrap();
    }
}
