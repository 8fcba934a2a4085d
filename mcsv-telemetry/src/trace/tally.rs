use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::Duration;

use tokio::time::Instant;
use tracing::dispatcher::WeakDispatch;

/// The shortest time between two warnings about the same collector.
const WARN_EVERY: Duration = Duration::from_secs(60);

/// The counter of exported spans, by outcome.
const SPANS: &str = "telemetry_spans_total";

/// Tells the recorder what this module counts.
pub(crate) fn describe_metrics() {
    metrics::describe_counter!(SPANS, "Spans whose export was tried, by outcome.");
}

/// How many spans were recorded and how many the collector took.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    recorded: AtomicU64,
    delivered: AtomicU64,
    warned: Mutex<Option<Instant>>,
    /// Where warnings go: the thread that exports has no subscriber of its own.
    dispatch: OnceLock<WeakDispatch>,
}

impl Tally {
    pub(crate) fn warn_through(&self, dispatch: WeakDispatch) {
        let _ = self.dispatch.set(dispatch);
    }

    pub(crate) fn add_recorded(&self) {
        self.recorded.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn add_delivered(&self, spans: u64) {
        self.delivered.fetch_add(spans, Ordering::Relaxed);
        metrics::counter!(SPANS, "outcome" => "delivered").increment(spans);
    }

    /// Counts a batch that failed, and says so at most once in [`WARN_EVERY`].
    pub(crate) fn add_failed(&self, spans: u64, cause: &str) {
        metrics::counter!(SPANS, "outcome" => "failed").increment(spans);
        if !self.may_warn() {
            return;
        }
        let Some(dispatch) = self.dispatch.get().and_then(WeakDispatch::upgrade) else { return };
        tracing::dispatcher::with_default(&dispatch, || {
            tracing::warn!(
                spans,
                cause,
                "traces are not delivered: check the collector; this is said once a minute"
            );
        });
    }

    pub(crate) fn recorded(&self) -> u64 {
        self.recorded.load(Ordering::Relaxed)
    }

    pub(crate) fn delivered(&self) -> u64 {
        self.delivered.load(Ordering::Relaxed)
    }

    fn may_warn(&self) -> bool {
        let mut warned = self.warned.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        if warned.is_some_and(|at| now.duration_since(at) < WARN_EVERY) {
            return false;
        }
        *warned = Some(now);
        true
    }
}
