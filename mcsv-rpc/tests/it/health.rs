use http::{Method, Request};
use mcsv_core::Health;
use mcsv_rpc::{Body, Router};
use serde_json::{Value, json};

use crate::app::Running;
use crate::wire::{check_error, send};

async fn probe(health: &Health, path: &str) -> (u16, Value) {
    let router = Router::new().health(health.clone());
    let response = send(&router, Request::get(path).body(Body::empty()).unwrap()).await;
    (response.status().as_u16(), serde_json::from_slice(response.body()).unwrap())
}

#[tokio::test]
async fn a_process_that_answers_is_alive_whatever_its_checks_say() {
    let health = Health::new();
    health.add_check("database", || async { Err("away".to_owned()) });
    health.set_draining();
    for path in ["/health", "/health/live"] {
        assert_eq!(probe(&health, path).await, (200, json!({"status": "ok"})));
    }
}

#[tokio::test]
async fn ready_names_each_check() {
    let health = Health::new();
    health.add_check("disk", || async { Ok(()) });
    let ok = json!({"status": "ok", "draining": false, "checks": {"disk": "ok"}});
    assert_eq!(probe(&health, "/health/ready").await, (200, ok));

    health.add_check("database", || async { Err("away".to_owned()) });
    let (status, report) = probe(&health, "/health/ready").await;
    assert_eq!((status, &report["checks"]["database"]), (503, &json!("away")));
    assert_eq!(report["checks"]["disk"], "ok");
}

#[tokio::test(start_paused = true)]
async fn a_check_that_hangs_fails_in_time() {
    let health = Health::new();
    health.add_check("database", std::future::pending);
    let (status, report) = probe(&health, "/health/ready").await;
    assert_eq!((status, &report["checks"]["database"]), (503, &json!("no answer within 2s")));
}

#[tokio::test]
async fn a_server_that_shuts_down_is_not_ready() {
    let health = Health::new();
    let running = Running::start(Router::new().health(health.clone())).await;
    assert!(!health.is_draining());
    running.shutdown.begin();
    running.done.await.unwrap().unwrap();
    assert!(health.is_draining());
}

#[tokio::test]
async fn a_probe_is_read_only() {
    let router = Router::new().health(Health::new());
    let request = |method| Request::builder().method(method).uri("/health").body(Body::empty());
    assert_eq!(send(&router, request(Method::HEAD).unwrap()).await.status(), 200);
    check_error(&send(&router, request(Method::POST).unwrap()).await, 404, "bad_route");
}
