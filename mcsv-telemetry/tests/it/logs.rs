use std::fmt;

use mcsv_core::TraceContext;
use mcsv_telemetry::LogFormat;

use crate::capture::{logged, telemetry};

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
fn outside_of_a_trace_a_line_has_no_ids() {
    let line = logged(&[], || tracing::info!("here")).line();

    assert_eq!(line.get("trace_id"), None);
    assert_eq!(line.get("span_id"), None);
}

#[test]
fn the_inner_span_goes_before_the_outer() {
    let capture = logged(&[], || {
        let _outer = tracing::info_span!(
            "outer",
            job = 1,
            queue = "mail",
            otel.kind = "server",
            network.transport = "tcp"
        )
        .entered();
        let inner = tracing::info_span!("inner", job = 2, attempt = tracing::field::Empty);
        inner.record("attempt", 3);
        inner.in_scope(|| tracing::info!("here"));
    });

    let line = capture.line();
    assert_eq!(line["span"], "inner");
    let fields = serde_json::json!({"job": 2, "attempt": 3, "queue": "mail"});
    assert_eq!(line["span_fields"], fields);
}

#[test]
fn a_filter_takes_lines_and_leaves_what_the_others_know() {
    let context = TraceContext::random_root();

    let capture = logged(&[("RUST_LOG", "error")], || {
        context.in_scope(|| {
            let _span = tracing::info_span!("handle", job = 1).entered();
            tracing::warn!("dropped");
            tracing::error!("kept");
        });
    });

    let line = capture.line();
    assert_eq!(line["message"], "kept");
    assert_eq!(line["span"], "handle");
    assert_eq!(line["span_fields"]["job"], 1);
    assert_eq!(line["trace_id"], context.trace_id().to_string());
}

#[test]
fn an_error_is_written_with_its_causes() {
    #[derive(Debug)]
    struct Outer(std::num::ParseIntError);
    impl fmt::Display for Outer {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("bad port")
        }
    }
    impl std::error::Error for Outer {
        fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
            Some(&self.0)
        }
    }
    let error = Outer("x".parse::<u16>().unwrap_err());

    let capture = logged(&[], || {
        tracing::error!(error = &error as &dyn std::error::Error, "stopped");
    });

    assert_eq!(capture.line()["fields"]["error"], "bad port: invalid digit found in string");
}

#[test]
fn secrets_stay_out_of_the_line() {
    let url = "https://bucket/key?X-Amz-Signature=s3cr3t&x=1";

    let capture = logged(&[], || {
        let _span = tracing::info_span!("send", smtp_password = "s3cr3t").entered();
        tracing::info!(token = "s3cr3t", api_key = 123_456, url, ?url, "sent to {url}");
    });

    let line = capture.line();
    assert_eq!(line["span_fields"]["smtp_password"], "[redacted]");
    assert_eq!(line["fields"]["api_key"], "[redacted]");
    assert!(!capture.text().contains("s3cr3t"), "{}", capture.text());
}

#[test]
fn a_pretty_line_is_short_and_without_colours_away_from_a_terminal() {
    let (telemetry, capture) = telemetry(&[]);
    let pipeline = telemetry.with_log_format(LogFormat::Pretty).build().unwrap();
    let context = TraceContext::random_root();

    tracing::dispatcher::with_default(pipeline.dispatch(), || {
        context.in_scope(|| {
            let _span = tracing::info_span!("handle", job = 1).entered();
            tracing::warn!(path = "a b", "slow");
        });
    });

    let text = capture.text();
    let (time, rest) = text.split_once(' ').unwrap();
    assert_eq!(time.len(), "03:06:02.123".len(), "{text}");
    let trace_id = context.trace_id();
    let expected = format!("WARN  svc handle: slow path=\"a b\" job=1 trace_id={trace_id}\n");
    assert_eq!(rest, expected);
}

#[test]
fn lines_of_threads_are_not_mixed() {
    let (telemetry, capture) = telemetry(&[]);
    let pipeline = telemetry.build().unwrap();

    std::thread::scope(|scope| {
        for thread in 0..4 {
            let dispatch = pipeline.dispatch();
            scope.spawn(move || {
                tracing::dispatcher::with_default(dispatch, || {
                    (0..100).for_each(|n| tracing::info!(thread, n, "line"));
                });
            });
        }
    });

    assert_eq!(capture.lines().len(), 400);
}
