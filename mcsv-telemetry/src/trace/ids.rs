use mcsv_core::{Sampling, SpanId, TraceContext, TraceId};
use opentelemetry::trace::{SpanContext, TraceContextExt as _, TraceFlags, TraceState};
use tracing::Dispatch;
use tracing::span::Id;

/// The exporter's context of a span, if the exporter knows it.
pub(crate) fn context_of(span: &Id, dispatch: &Dispatch) -> Option<TraceContext> {
    let context = tracing_opentelemetry::get_otel_context(span, dispatch)?;
    to_core(context.span().span_context())
}

/// `None` for the context of no span.
pub(crate) fn to_core(context: &SpanContext) -> Option<TraceContext> {
    let trace_id = TraceId::from_bytes(context.trace_id().to_bytes()).ok()?;
    let span_id = SpanId::from_bytes(context.span_id().to_bytes()).ok()?;
    let sampling = if context.is_sampled() { Sampling::Sampled } else { Sampling::NotSampled };
    let core = TraceContext::new(trace_id, span_id, sampling);
    if *context.trace_state() == TraceState::NONE {
        return Some(core);
    }
    Some(core.with_tracestate(&context.trace_state().header()))
}

/// The context as that of a span in another process.
pub(crate) fn to_otel(context: &TraceContext) -> SpanContext {
    // A tracestate that OpenTelemetry does not accept never costs the trace.
    let state = context.tracestate().and_then(|state| state.parse().ok());
    let flags = if context.is_sampled() { TraceFlags::SAMPLED } else { TraceFlags::NOT_SAMPLED };
    SpanContext::new(
        opentelemetry::TraceId::from_bytes(context.trace_id().to_bytes()),
        opentelemetry::SpanId::from_bytes(context.span_id().to_bytes()),
        flags,
        true,
        state.unwrap_or_default(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_context_comes_back_as_it_went() {
        for text in ["00", "01"] {
            let traceparent =
                format!("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-{text}");
            let context = TraceContext::parse(&traceparent, Some("vendor=1")).unwrap();

            assert_eq!(to_core(&to_otel(&context)), Some(context));
        }
    }

    #[test]
    fn the_context_of_no_span_is_none() {
        assert_eq!(to_core(&SpanContext::empty_context()), None);
    }
}
