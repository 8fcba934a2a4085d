use crate::env::Env;

/// The variables of the OpenTelemetry specification that have an effect here. The limits are read by
/// the SDK itself.
const READ: [&str; 24] = [
    "OTEL_BSP_MAX_EXPORT_BATCH_SIZE",
    "OTEL_BSP_MAX_QUEUE_SIZE",
    "OTEL_BSP_SCHEDULE_DELAY",
    "OTEL_EVENT_ATTRIBUTE_COUNT_LIMIT",
    "OTEL_EXPORTER_OTLP_COMPRESSION",
    "OTEL_EXPORTER_OTLP_ENDPOINT",
    "OTEL_EXPORTER_OTLP_HEADERS",
    "OTEL_EXPORTER_OTLP_PROTOCOL",
    "OTEL_EXPORTER_OTLP_TIMEOUT",
    "OTEL_EXPORTER_OTLP_TRACES_COMPRESSION",
    "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT",
    "OTEL_EXPORTER_OTLP_TRACES_HEADERS",
    "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL",
    "OTEL_EXPORTER_OTLP_TRACES_TIMEOUT",
    "OTEL_LINK_ATTRIBUTE_COUNT_LIMIT",
    "OTEL_RESOURCE_ATTRIBUTES",
    "OTEL_SDK_DISABLED",
    "OTEL_SERVICE_NAME",
    "OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT",
    "OTEL_SPAN_EVENT_COUNT_LIMIT",
    "OTEL_SPAN_LINK_COUNT_LIMIT",
    "OTEL_TRACES_EXPORTER",
    "OTEL_TRACES_SAMPLER",
    "OTEL_TRACES_SAMPLER_ARG",
];

/// Variables that ask for what is done anyway, and the value by which they do.
const GRANTED: [(&str, &str); 4] = [
    ("OTEL_LOGS_EXPORTER", "none"),
    ("OTEL_METRICS_EXPORTER", "none"),
    ("OTEL_METRICS_EXPORTER", "prometheus"),
    ("OTEL_PROPAGATORS", "tracecontext"),
];

/// Warns once of all variables that someone set in vain, be it one that this crate does not support
/// or one that is misspelt.
pub(crate) fn warn(env: &Env) {
    let mut unread: Vec<String> =
        env.names("OTEL_").into_iter().filter(|name| is_unread(env, name)).collect();
    if unread.is_empty() {
        return;
    }
    unread.sort_unstable();
    tracing::warn!(variables = unread.join(" "), "these variables are set and have no effect");
}

fn is_unread(env: &Env, name: &str) -> bool {
    let value = env.get(name).ok().flatten();
    let granted = value.as_deref().is_none_or(|value| GRANTED.contains(&(name, value)));
    !READ.contains(&name) && !granted
}
