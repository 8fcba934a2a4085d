use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::SystemTime;

use mcsv_core::{SpanId, TraceContext, TraceId};
use metrics::{CounterFn, GaugeFn, HistogramFn};
use prometheus_client::encoding::{EncodeLabelSet, LabelSetEncoder, MetricEncoder};
use prometheus_client::metrics::exemplar::{CounterWithExemplar, HistogramWithExemplars};

/// The trace in which a value was measured.
#[derive(Clone, Debug)]
pub(crate) struct InTrace {
    trace_id: TraceId,
    span_id: SpanId,
}

impl InTrace {
    /// `None` outside of a trace, and in one that nobody keeps: an exemplar is a link to follow.
    fn current() -> Option<Self> {
        let context = TraceContext::current().filter(TraceContext::is_sampled)?;
        Some(InTrace { trace_id: context.trace_id(), span_id: context.span_id() })
    }
}

impl EncodeLabelSet for InTrace {
    fn encode(&self, encoder: &mut LabelSetEncoder<'_>) -> std::fmt::Result {
        [("trace_id", self.trace_id.to_string()), ("span_id", self.span_id.to_string())]
            .encode(encoder)
    }
}

/// A counter and the trace of its last increment.
#[derive(Debug)]
pub(crate) struct CounterSeries(CounterWithExemplar<InTrace>);

impl CounterSeries {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(CounterSeries(CounterWithExemplar::default()))
    }

    pub(crate) fn value(&self) -> u64 {
        self.0.get().0
    }

    pub(crate) fn encode(&self, encoder: MetricEncoder<'_>) -> std::fmt::Result {
        prometheus_client::encoding::EncodeMetric::encode(&self.0, encoder)
    }
}

impl CounterFn for CounterSeries {
    fn increment(&self, value: u64) {
        let exemplar = InTrace::current();
        let at = exemplar.is_some().then(SystemTime::now);
        self.0.inc_by(value, exemplar, at);
    }

    fn absolute(&self, value: u64) {
        // It only grows, and the value is another's: no trace of this process made it.
        self.0.inner().fetch_max(value, std::sync::atomic::Ordering::Relaxed);
    }
}

/// A gauge.
#[derive(Debug)]
pub(crate) struct GaugeSeries(AtomicU64);

impl GaugeSeries {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(GaugeSeries(AtomicU64::new(0f64.to_bits())))
    }

    pub(crate) fn value(&self) -> f64 {
        f64::from_bits(self.0.load(std::sync::atomic::Ordering::Relaxed))
    }
}

impl GaugeFn for GaugeSeries {
    fn increment(&self, value: f64) {
        GaugeFn::increment(&self.0, value);
    }

    fn decrement(&self, value: f64) {
        GaugeFn::decrement(&self.0, value);
    }

    fn set(&self, value: f64) {
        GaugeFn::set(&self.0, value);
    }
}

/// A histogram and the trace of the last value in each bucket.
#[derive(Debug)]
pub(crate) struct HistogramSeries(HistogramWithExemplars<InTrace>);

impl HistogramSeries {
    pub(crate) fn new(upper_bounds: &[f64]) -> Arc<Self> {
        Arc::new(HistogramSeries(HistogramWithExemplars::new(upper_bounds.iter().copied())))
    }

    pub(crate) fn encode(&self, encoder: MetricEncoder<'_>) -> std::fmt::Result {
        prometheus_client::encoding::EncodeMetric::encode(&self.0, encoder)
    }
}

impl HistogramFn for HistogramSeries {
    fn record(&self, value: f64) {
        // One value that is no number would make the sum none for ever.
        if !value.is_finite() {
            return;
        }
        let exemplar = InTrace::current();
        let at = exemplar.is_some().then(SystemTime::now);
        self.0.observe(value, exemplar, at);
    }
}
