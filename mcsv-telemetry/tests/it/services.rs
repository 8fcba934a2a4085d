use std::convert::Infallible;
use std::future::{Ready, ready};
use std::task::{Context, Poll};

use mcsv_telemetry::{ServiceLayer, with_service};
use tower_layer::Layer as _;
use tower_service::Service;
use tracing::Instrument as _;
use tracing::instrument::WithSubscriber as _;

use crate::capture::telemetry;
use crate::collector::Collector;

async fn work(name: &'static str) {
    async {
        tokio::task::yield_now().await;
        tracing::info!(name, "inside");
    }
    .instrument(tracing::info_span!("work", name))
    .await;
}

#[tokio::test]
async fn services_of_one_process_log_and_trace_under_their_names() {
    let (collector, url) = Collector::start();
    let (telemetry, capture) = telemetry(&[("OTEL_EXPORTER_OTLP_ENDPOINT", &url)]);
    let pipeline = telemetry.build().unwrap();

    async {
        tokio::join!(with_service("a_svc", work("a")), with_service("b_svc", work("b")), work("c"));
    }
    .with_subscriber(pipeline.dispatch().clone())
    .await;
    pipeline.shutdown().unwrap();

    let mut seen: Vec<(String, String)> = capture
        .lines()
        .iter()
        .map(|line| (line["service"].to_string(), line["fields"]["name"].to_string()))
        .collect();
    seen.sort();
    let pair = |service: &str, name: &str| (format!("\"{service}\""), format!("\"{name}\""));
    assert_eq!(seen, [pair("a_svc", "a"), pair("b_svc", "b"), pair("svc", "c")]);

    let spans = collector.spans();
    let mut services: Vec<&str> = spans.iter().map(|(service, _)| service.as_str()).collect();
    services.sort_unstable();
    assert_eq!(services, ["a_svc", "b_svc", "svc"], "the spans for the services are not exported");
    assert!(spans.iter().all(|(_, span)| span.parent_span_id.is_empty()));
}

#[tokio::test]
async fn a_spawned_task_keeps_the_service_through_its_span() {
    let (telemetry, capture) = telemetry(&[]);
    let pipeline = telemetry.build().unwrap();

    async {
        let spawning = async {
            let span = tracing::info_span!("task");
            let task = async { tracing::info!("inside") }.instrument(span);
            tokio::spawn(task.with_current_subscriber()).await.unwrap();
        };
        with_service("a_svc", spawning).await;
    }
    .with_subscriber(pipeline.dispatch().clone())
    .await;

    assert_eq!(capture.line()["service"], "a_svc");
}

#[derive(Clone)]
struct Logging;

impl Service<()> for Logging {
    type Response = ();
    type Error = Infallible;
    type Future = Ready<Result<(), Infallible>>;

    fn poll_ready(&mut self, _cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, (): ()) -> Self::Future {
        tracing::info!("called");
        ready(Ok(()))
    }
}

#[tokio::test]
async fn the_layer_names_the_service_of_every_request() {
    let (telemetry, capture) = telemetry(&[]);
    let pipeline = telemetry.build().unwrap();

    async {
        let mut service = ServiceLayer::new("a_svc").layer(Logging);
        let task = async move { service.call(()).await };
        tokio::spawn(task.with_current_subscriber()).await.unwrap().unwrap();
    }
    .with_subscriber(pipeline.dispatch().clone())
    .await;

    assert_eq!(capture.line()["service"], "a_svc");
}

#[test]
fn the_innermost_service_wins() {
    let (telemetry, capture) = telemetry(&[]);
    let pipeline = telemetry.build().unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();

    tracing::dispatcher::with_default(pipeline.dispatch(), || {
        runtime.block_on(with_service("outer", with_service("inner", work("x"))));
    });

    assert_eq!(capture.line()["service"], "inner");
}
