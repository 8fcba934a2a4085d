use mcsv_core::{TraceBridge, TraceContext};
use opentelemetry::Context;
use opentelemetry::trace::TraceContextExt as _;
use tracing::Span;
use tracing_opentelemetry::OpenTelemetrySpanExt as _;

use super::ids::{to_core, to_otel};

/// Keeps mcsv-core's contexts equal to the exporter's spans.
pub(crate) struct OtelBridge;

impl TraceBridge for OtelBridge {
    fn current(&self) -> Option<TraceContext> {
        // The layer attaches the context of every span that is entered, so this needs no look-up.
        Context::map_current(|context| to_core(context.span().span_context()))
    }

    fn set_parent(&self, span: &Span, parent: &TraceContext) {
        let context = Context::new().with_remote_span_context(to_otel(parent));
        // It fails for a span that is disabled, which has no parent, or that was entered before,
        // whose parent is settled.
        let _ = span.set_parent(context);
    }

    fn add_link(&self, span: &Span, linked: &TraceContext) {
        span.add_link(to_otel(linked));
    }

    fn context_of(&self, span: &Span) -> Option<TraceContext> {
        to_core(span.context().span().span_context())
    }
}
