use std::convert::Infallible;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Full;
use mcsv_rpc::{Body, PeerAddr, Router};

use crate::app::{App, Running};
use crate::wire::{check_error, raw, send};

/// Answers its name, the path and the peer.
fn named(name: &'static str) -> impl mcsv_rpc::HttpService {
    tower::service_fn(move |request: Request<Body>| async move {
        let peer = request.extensions().get::<PeerAddr>().is_some();
        let text = format!("{name} {} {peer}", request.uri().path());
        Ok::<_, Infallible>(Response::new(Full::new(Bytes::from(text))))
    })
}

async fn get(router: &Router, path: &str) -> String {
    let request = Request::get(path).body(Body::empty()).unwrap();
    String::from_utf8(send(router, request).await.into_body().to_vec()).unwrap()
}

fn router() -> Router {
    App::default()
        .router()
        .nest("/files/", named("files"))
        .nest("/files/deep/", named("deep"))
        .route("/files/index", named("index"))
}

#[tokio::test]
async fn the_longest_prefix_wins_and_an_exact_path_wins_over_it() {
    assert_eq!(get(&router(), "/files/a").await, "files /files/a false");
    assert_eq!(get(&router(), "/files/deep/a").await, "deep /files/deep/a false");
    assert_eq!(get(&router(), "/files/index").await, "index /files/index false");
}

#[tokio::test]
async fn a_prefix_is_met_only_from_the_start() {
    for path in ["/files", "/x/files/a", "/filesx"] {
        let request = Request::get(path).body(Body::empty()).unwrap();
        check_error(&send(&router(), request).await, 404, "bad_route");
    }
}

#[tokio::test]
async fn a_nested_service_learns_the_peer_from_the_server() {
    let running = Running::start(router()).await;
    let request = b"GET /files/a HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n";
    let answer = raw(running.address(), request).await;
    assert!(answer.ends_with("files /files/a true"), "{answer}");
}

#[tokio::test]
async fn a_nested_service_s_failure_is_an_answer() {
    let failing = tower::service_fn(|_: Request<Body>| async {
        Err::<Response<Body>, _>(std::io::Error::other("the secret of the disk"))
    });
    let router = Router::new().nest("/", failing);
    let response = send(&router, Request::get("/x").body(Body::empty()).unwrap()).await;
    let message = check_error(&response, 503, "unavailable");
    assert!(!message.contains("secret"), "{message}");
}
