use std::future::Future;

use mcsv_core::TraceContext;
use tracing::{Instrument, Span};

/// Runs one piece of a command as a trace of its own, which begins with `span`.
pub(crate) fn traced<F: Future>(
    span: Span,
    work: impl FnOnce(TraceContext) -> F,
) -> impl Future<Output = F::Output> {
    let trace = TraceContext::for_span(&span, None);
    trace.clone().scope(work(trace).instrument(span))
}
