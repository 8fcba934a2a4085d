use mcsv_core::TraceContext;

use crate::capture::{logged, telemetry};
use crate::collector::{Collector, hex};

#[test]
fn a_line_has_its_level_service_message_and_fields() {
    let capture = logged(&[], || tracing::info!(port = 8081, up = true, "listening"));

    let line = capture.line();
    assert_eq!(line["level"], "INFO");
    assert_eq!(line["service"], "svc");
    assert_eq!(line["target"], module_path!());
    assert_eq!(line["message"], "listening");
    assert_eq!(line["fields"]["port"], 8081);
    assert_eq!(line["fields"]["up"], true);
    let timestamp = line["timestamp"].as_str().unwrap();
    assert_eq!(timestamp.len(), "2026-11-24T03:06:02.123456Z".len(), "{timestamp}");
    timestamp.parse::<jiff::Timestamp>().unwrap();
}

#[test]
fn without_an_exporter_a_line_has_the_ids_of_the_context_in_scope() {
    let context = TraceContext::random_root();

    let capture = logged(&[], || context.in_scope(|| tracing::info!("here")));

    let line = capture.line();
    assert_eq!(line["trace_id"], context.trace_id().to_string());
    assert_eq!(line["span_id"], context.span_id().to_string());
}

#[test]
fn with_an_exporter_a_line_has_the_ids_of_the_exported_span() {
    let (collector, url) = Collector::start();
    let (telemetry, capture) = telemetry(&[("OTEL_EXPORTER_OTLP_ENDPOINT", &url)]);
    let pipeline = telemetry.build().unwrap();

    tracing::dispatcher::with_default(pipeline.dispatch(), || {
        tracing::info_span!("handle").in_scope(|| tracing::info!("here"));
    });
    pipeline.shutdown().unwrap();

    let (service, span) = collector.span("handle");
    let line = capture.line();
    assert_eq!(service, "svc");
    assert_eq!(line["trace_id"], hex(&span.trace_id));
    assert_eq!(line["span_id"], hex(&span.span_id));
    assert_eq!(line["span"], "handle");
}
