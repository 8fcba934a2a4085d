use mcsv_core::TraceContext;
use mcsv_telemetry::Pipeline;

use crate::capture::{Capture, telemetry};
use crate::collector::{Collector, hex};

const REMOTE: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7";

struct Exporting {
    pipeline: Pipeline,
    collector: Collector,
    capture: Capture,
}

fn exporting(env: &[(&str, &str)]) -> Exporting {
    let (collector, url) = Collector::start();
    let env = [&[("OTEL_EXPORTER_OTLP_ENDPOINT", url.as_str())], env].concat();
    let (telemetry, capture) = telemetry(&env);
    let pipeline = telemetry.build().unwrap();
    pipeline.install_trace_bridge().unwrap();
    Exporting { pipeline, collector, capture }
}

impl Exporting {
    fn run(self, work: impl FnOnce()) -> (Collector, Capture) {
        tracing::dispatcher::with_default(self.pipeline.dispatch(), work);
        self.pipeline.shutdown().unwrap();
        (self.collector, self.capture)
    }
}

#[test]
fn a_line_has_the_ids_of_the_exported_span() {
    let (collector, capture) = exporting(&[]).run(|| {
        tracing::info_span!("handle").in_scope(|| tracing::info!("here"));
    });

    let (service, span) = collector.span("handle");
    let line = capture.line();
    assert_eq!(service, "svc");
    assert_eq!(line["trace_id"], hex(&span.trace_id));
    assert_eq!(line["span_id"], hex(&span.span_id));
    assert_eq!(line["span"], "handle");
}

#[test]
fn a_remote_context_becomes_the_parent() {
    let remote = TraceContext::parse(&format!("{REMOTE}-01"), Some("vendor=1")).unwrap();

    let (collector, capture) = exporting(&[]).run(|| {
        let span = tracing::info_span!("handle");
        let context = TraceContext::for_span(&span, Some(&remote));
        assert_eq!(context.trace_id(), remote.trace_id());
        assert_eq!(context.tracestate(), Some("vendor=1"));
        let _scope = span.entered();
        assert_eq!(TraceContext::current().unwrap().span_id(), context.span_id());
        tracing::info!("here");
    });

    let (_, span) = collector.span("handle");
    assert_eq!(hex(&span.trace_id), remote.trace_id().to_string());
    assert_eq!(hex(&span.parent_span_id), remote.span_id().to_string());
    assert_eq!(capture.line()["trace_id"], remote.trace_id().to_string());
}

#[test]
fn a_trace_that_the_caller_does_not_record_is_not_exported_and_still_in_the_logs() {
    let remote = TraceContext::parse(&format!("{REMOTE}-00"), None).unwrap();

    let (collector, capture) = exporting(&[]).run(|| {
        let span = tracing::info_span!("handle");
        let context = TraceContext::for_span(&span, Some(&remote));
        assert!(!context.is_sampled());
        span.in_scope(|| tracing::info!("here"));
    });

    assert_eq!(collector.spans(), []);
    assert_eq!(capture.line()["trace_id"], remote.trace_id().to_string());
}

#[test]
fn a_sampler_that_drops_all_leaves_the_ids_in_the_logs() {
    let off = [("OTEL_TRACES_SAMPLER", "always_off")];

    let (collector, capture) = exporting(&off).run(|| {
        tracing::info_span!("handle").in_scope(|| tracing::info!("here"));
    });

    assert_eq!(collector.spans(), []);
    assert_eq!(capture.line()["trace_id"].as_str().unwrap().len(), 32);
}

#[test]
fn a_linked_context_is_exported_as_a_link() {
    let linked = TraceContext::random_root();

    let (collector, _) = exporting(&[]).run(|| {
        let span = tracing::info_span!("handle");
        mcsv_core::link_span(&span, &linked);
        span.in_scope(|| ());
    });

    let (_, span) = collector.span("handle");
    assert_eq!(span.links.len(), 1);
    assert_eq!(hex(&span.links[0].trace_id), linked.trace_id().to_string());
    assert_ne!(hex(&span.trace_id), linked.trace_id().to_string());
}

#[test]
fn an_event_of_a_span_that_is_not_entered_has_that_spans_ids() {
    let (collector, capture) = exporting(&[]).run(|| {
        let span = tracing::info_span!("handle");
        tracing::info!(parent: &span, "here");
    });

    let (_, span) = collector.span("handle");
    assert_eq!(capture.line()["span_id"], hex(&span.span_id));
}

#[test]
fn the_log_filter_does_not_thin_the_traces() {
    let (collector, capture) = exporting(&[("RUST_LOG", "off")]).run(|| {
        tracing::info_span!("handle").in_scope(|| tracing::info!("event"));
    });

    assert_eq!(capture.text(), "");
    assert_eq!(collector.span("handle").1.events.len(), 1);
}

#[test]
fn headers_are_sent_and_the_path_is_added() {
    let headers = [("OTEL_EXPORTER_OTLP_HEADERS", "x-tenant=a%20b, x-other = 1")];

    let (collector, _) = exporting(&headers).run(|| tracing::info_span!("x").in_scope(|| ()));

    let (path, headers) = collector.heads().remove(0);
    assert_eq!(path, "/v1/traces");
    assert_eq!(headers["x-tenant"], "a b");
    assert_eq!(headers["x-other"], "1");
    assert_eq!(headers["content-type"], "application/x-protobuf");
}

#[test]
fn resource_attributes_and_the_service_name_of_the_environment_are_sent() {
    let env = [
        ("OTEL_SERVICE_NAME", "other"),
        ("OTEL_RESOURCE_ATTRIBUTES", "deployment.environment.name=test,service.name=ignored"),
    ];

    let (collector, capture) = exporting(&env).run(|| {
        tracing::info_span!("handle").in_scope(|| tracing::info!("here"));
    });

    assert_eq!(collector.span("handle").0, "other");
    assert_eq!(collector.resource()["deployment.environment.name"], "test");
    assert_eq!(collector.resource()["telemetry.sdk.language"], "rust");
    assert_eq!(capture.line()["service"], "other");
}

#[test]
fn compressed_spans_arrive_compressed() {
    let gzip = [("OTEL_EXPORTER_OTLP_COMPRESSION", "gzip")];

    let (collector, _) = exporting(&gzip).run(|| tracing::info_span!("x").in_scope(|| ()));

    assert_eq!(collector.heads()[0].1["content-encoding"], "gzip");
}
