use mcsv_telemetry::{Error, ErrorKind, Telemetry};

use crate::capture::logged;

#[track_caller]
fn rejected(name: &str, value: &str) -> String {
    let error: Error = Telemetry::new("svc").with_env([(name, value)]).build().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidSetting, "{error}");
    let shown = error.to_string();
    assert!(shown.contains(name), "{shown}");
    assert!(!shown.contains('\n'), "{shown}");
    shown
}

#[track_caller]
fn accepted(name: &str, value: &str) {
    Telemetry::new("svc").with_env([(name, value)]).build().unwrap();
}

#[test]
fn a_wrong_value_is_an_error_that_names_the_variable_and_what_it_accepts() {
    for (name, value, accepts) in [
        ("LOG_FORMAT", "xml", "json or pretty"),
        ("RUST_LOG", "svc=loud", "directives"),
        ("OTEL_SDK_DISABLED", "yes", "true or false"),
        ("OTEL_TRACES_EXPORTER", "zipkin", "otlp or none"),
        ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc", "http/protobuf"),
        ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "http/json", "http/protobuf"),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "localhost:4318", "http:// or https://"),
        ("OTEL_EXPORTER_OTLP_HEADERS", "no-equals", "name=value"),
        ("OTEL_EXPORTER_OTLP_TIMEOUT", "0", "milliseconds"),
        ("OTEL_EXPORTER_OTLP_TIMEOUT", "10s", "milliseconds"),
        ("OTEL_EXPORTER_OTLP_COMPRESSION", "lz4", "gzip or none"),
        ("OTEL_TRACES_SAMPLER", "sometimes", "parentbased_traceidratio"),
        ("OTEL_TRACES_SAMPLER_ARG", "1.5", "0 to 1"),
        ("OTEL_TRACES_SAMPLER_ARG", "NaN", "0 to 1"),
        ("OTEL_RESOURCE_ATTRIBUTES", "no-equals", "key=value"),
        ("OTEL_BSP_MAX_QUEUE_SIZE", "0", "1 to 1000000"),
        ("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "many", "1 to 1000000"),
        ("OTEL_BSP_SCHEDULE_DELAY", "-1", "milliseconds"),
        ("OTEL_SERVICE_NAME", "a\nb", "without control characters"),
    ] {
        let shown = rejected(name, value);
        assert!(shown.contains(accepts), "{shown}");
    }
}

#[test]
fn an_endpoint_and_headers_are_not_quoted_in_errors() {
    for (name, value) in [
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "ftp://user:s3cr3t@host"),
        ("OTEL_EXPORTER_OTLP_HEADERS", "s3cr3t"),
    ] {
        let shown = rejected(name, value);
        assert!(!shown.contains("s3cr3t"), "{shown}");
    }
}

#[test]
fn every_standard_sampler_is_accepted() {
    for sampler in ["always_on", "always_off", "traceidratio"] {
        accepted("OTEL_TRACES_SAMPLER", sampler);
        accepted("OTEL_TRACES_SAMPLER", &format!("parentbased_{sampler}"));
    }
}

#[test]
fn options_in_code_are_checked_too() {
    let empty = || Telemetry::new("svc").with_env([("", ""); 0]);
    for wrong in [
        empty().with_series_limit(0),
        empty().with_buckets("m", []),
        empty().with_buckets("m", [2.0, 1.0]),
        empty().with_buckets("m", [1.0, f64::NAN]),
        empty().with_default_filter("svc=loud"),
        empty().with_otlp_endpoint("nowhere"),
        Telemetry::new("").with_env([("", ""); 0]),
    ] {
        assert!(wrong.build().unwrap_err().is_invalid_setting());
    }
}

#[test]
fn nothing_is_exported_without_an_endpoint_or_where_it_is_switched_off() {
    const ENDPOINT: (&str, &str) = ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://localhost:4318");
    let exports = |env: &[(&str, &str)]| {
        let pipeline = Telemetry::new("svc").with_env(env.iter().copied()).build().unwrap();
        pipeline.exports_traces()
    };

    assert!(exports(&[ENDPOINT]));
    assert!(!exports(&[]));
    assert!(!exports(&[("OTEL_EXPORTER_OTLP_ENDPOINT", "")]));
    assert!(!exports(&[ENDPOINT, ("OTEL_SDK_DISABLED", "true")]));
    assert!(!exports(&[ENDPOINT, ("OTEL_TRACES_EXPORTER", "none")]));
}

#[test]
fn a_variable_without_effect_is_named_in_one_warning() {
    let env = [
        ("OTEL_EXPORTER_OTLP_CERTIFICATE", "ca.pem"),
        ("OTEL_TRACE_SAMPLER", "always_off"),
        ("OTEL_PROPAGATORS", "tracecontext"),
        ("OTEL_LOG_LEVEL", ""),
        ("OTEL_SERVICE_NAME", "svc"),
    ];

    let line = logged(&env, || ()).line();

    assert_eq!(line["level"], "WARN");
    let variables = "OTEL_EXPORTER_OTLP_CERTIFICATE OTEL_TRACE_SAMPLER";
    assert_eq!(line["fields"]["variables"], variables);
}
