use std::time::Duration;

use mcsv_rpc::Code;
use tokio::net::TcpStream;

use crate::app::{App, Running, ping};

#[tokio::test]
async fn an_accepted_call_is_finished_and_a_new_connection_refused() {
    let app = App::default();
    let gate = app.gate.clone();
    let running = Running::start(app.router()).await;
    let call = tokio::spawn(running.client().wait(ping("accepted")).into_response());
    gate.entered.notified().await;

    running.shutdown.begin();
    // The listener is closed as soon as the server has seen the signal.
    while TcpStream::connect(running.address()).await.is_ok() {
        tokio::task::yield_now().await;
    }
    assert!(!running.done.is_finished());
    let refused = running.client().echo(ping("")).await.unwrap_err();
    assert_eq!(refused.code(), Code::Unavailable);

    gate.open.notify_one();
    assert_eq!(call.await.unwrap().unwrap().into_body(), ping("accepted"));
    running.done.await.unwrap().unwrap();
}

#[tokio::test]
async fn an_idle_connection_does_not_hold_the_server() {
    let running = Running::start(App::default().router()).await;
    let client = running.client();
    client.echo(ping("")).await.unwrap();
    let silent = TcpStream::connect(running.address()).await.unwrap();
    client.echo(ping("")).await.unwrap();
    running.shutdown.begin();
    running.done.await.unwrap().unwrap();
    drop((client, silent));
}

#[tokio::test]
async fn a_call_that_never_ends_is_cut_off_after_the_drain_timeout() {
    let app = App::default();
    let gate = app.gate.clone();
    let running = Running::start_with(app.router(), |server| {
        server.with_drain_timeout(Duration::from_millis(20))
    });
    let running = running.await;
    let call = tokio::spawn(running.client().wait(ping("")).into_response());
    gate.entered.notified().await;
    running.shutdown.begin();
    running.done.await.unwrap().unwrap();
    gate.left.notified().await;
    assert_eq!(call.await.unwrap().unwrap_err().code(), Code::Unavailable);
}

#[tokio::test]
async fn the_shutdown_is_drained_only_after_the_server() {
    let app = App::default();
    let gate = app.gate.clone();
    let running = Running::start(app.router()).await;
    let call = tokio::spawn(running.client().wait(ping("")).into_response());
    gate.entered.notified().await;
    running.shutdown.begin();
    let drained = tokio::spawn(running.shutdown.drained());
    tokio::task::yield_now().await;
    assert!(!drained.is_finished());
    gate.open.notify_one();
    drained.await.unwrap();
    call.await.unwrap().unwrap();
}
