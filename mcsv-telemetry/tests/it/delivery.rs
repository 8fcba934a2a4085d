use std::net::TcpListener;
use std::time::Duration;

use mcsv_telemetry::Telemetry;
use tokio::runtime::{Builder, Runtime};

use crate::capture::telemetry;
use crate::collector::Collector;

const ENDPOINT: &str = "OTEL_EXPORTER_OTLP_ENDPOINT";

fn runtimes() -> [Runtime; 3] {
    let multi = |workers| Builder::new_multi_thread().worker_threads(workers).build().unwrap();
    [Builder::new_current_thread().build().unwrap(), multi(1), multi(2)]
}

/// Where nobody listens.
fn dead() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    format!("http://{}", listener.local_addr().unwrap())
}

/// Records spans and ends telemetry, all on a task of the runtime.
fn record_and_shut_down(
    runtime: &Runtime,
    telemetry: Telemetry,
    spans: usize,
) -> mcsv_telemetry::Result<()> {
    let pipeline = telemetry.build().unwrap();
    let task = async move {
        tracing::dispatcher::with_default(pipeline.dispatch(), || {
            (0..spans).for_each(|_| tracing::info_span!("work").in_scope(|| ()));
        });
        pipeline.shutdown()
    };
    runtime.block_on(async { tokio::spawn(task).await.unwrap() })
}

#[test]
fn a_flush_from_any_worker_delivers_all() {
    for runtime in runtimes() {
        let (collector, url) = Collector::start();
        let (telemetry, _) = telemetry(&[(ENDPOINT, &url)]);

        record_and_shut_down(&runtime, telemetry, 500).unwrap();

        assert_eq!(collector.spans().len(), 500);
    }
}

#[test]
fn a_collector_that_never_answers_does_not_hold_the_end_up() {
    // It accepts connections, in its backlog, and says nothing.
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", silent.local_addr().unwrap());
    for runtime in runtimes() {
        let (telemetry, _) = telemetry(&[(ENDPOINT, &url)]);
        let telemetry = telemetry.with_shutdown_timeout(Duration::from_millis(100));

        let error = record_and_shut_down(&runtime, telemetry, 5).unwrap_err();

        assert!(error.is_undelivered(), "{error}");
    }
}

#[test]
fn a_dead_collector_costs_one_warning_and_the_end_tells_the_loss() {
    let url = dead();
    let one_by_one = [(ENDPOINT, url.as_str()), ("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "1")];
    let (telemetry, capture) = telemetry(&one_by_one);
    let telemetry = telemetry.with_shutdown_timeout(Duration::from_secs(60));
    let runtime = Builder::new_current_thread().build().unwrap();

    let error = record_and_shut_down(&runtime, telemetry, 3).unwrap_err();

    assert!(error.to_string().starts_with("3 of 3 spans were not delivered"), "{error}");
    assert_eq!(capture.line()["level"], "WARN");
}

#[test]
fn dropping_what_was_built_delivers_too() {
    let (collector, url) = Collector::start();
    let (telemetry, _) = telemetry(&[(ENDPOINT, &url)]);
    let pipeline = telemetry.build().unwrap();
    tracing::dispatcher::with_default(pipeline.dispatch(), || {
        tracing::info_span!("work").in_scope(|| ());
    });

    drop(pipeline);

    assert_eq!(collector.spans().len(), 1);
}

#[test]
fn spans_that_find_the_queue_full_are_counted_as_lost() {
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", silent.local_addr().unwrap());
    let tiny = [(ENDPOINT, url.as_str()), ("OTEL_BSP_MAX_QUEUE_SIZE", "1")];
    let (telemetry, _) = telemetry(&tiny);
    let telemetry = telemetry.with_shutdown_timeout(Duration::from_millis(100));
    let runtime = Builder::new_current_thread().build().unwrap();

    let error = record_and_shut_down(&runtime, telemetry, 100).unwrap_err();

    assert!(error.to_string().starts_with("100 of 100 spans"), "{error}");
}

#[test]
fn a_collector_that_refuses_is_told_with_its_status() {
    let (collector, url) = Collector::start();
    collector.answer_with(400);
    let (telemetry, capture) = telemetry(&[(ENDPOINT, &url)]);
    let runtime = Builder::new_current_thread().build().unwrap();

    let error = record_and_shut_down(&runtime, telemetry, 1).unwrap_err();

    assert!(error.is_undelivered(), "{error}");
    let line = capture.line();
    let cause = line["fields"]["cause"].as_str().unwrap();
    assert!(cause.contains("400"), "{cause}");
}

#[test]
fn an_https_collector_leaves_the_processs_tls_provider_alone() {
    let (telemetry, _) = telemetry(&[(ENDPOINT, "https://localhost:4318")]);

    // A machine without root certificates refuses to build it; one with them builds it.
    drop(telemetry.build());

    assert!(rustls::crypto::CryptoProvider::get_default().is_none());
}
