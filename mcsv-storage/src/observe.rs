use tokio::time::Instant;
use tracing::field::Empty;
use tracing::{Instrument, Span};

use crate::error::{Error, Result};

/// Runs one operation in a span, and records its duration and outcome.
///
/// An operation that is dropped half-way is recorded as `cancelled`.
pub(crate) async fn observe<T>(
    operation: &'static str,
    backend: &'static str,
    subject: &str,
    work: impl Future<Output = Result<T>>,
) -> Result<T> {
    let span = tracing::info_span!(
        "storage",
        otel.name = operation,
        storage.operation = operation,
        storage.backend = backend,
        storage.key = subject,
        error.type = Empty,
    );
    let mut record = Record { operation, backend, outcome: "cancelled", begun: Instant::now() };
    let result = work.instrument(span.clone()).await;
    record.outcome = outcome(&result, &span);
    result
}

/// The label of an outcome; an error's kind is put on the span, too.
pub(crate) fn outcome<T>(result: &Result<T>, span: &Span) -> &'static str {
    match result.as_ref().map_err(Error::kind) {
        Ok(_) => "ok",
        Err(kind) => {
            span.record("error.type", kind.label());
            kind.label()
        }
    }
}

pub(crate) fn count_bytes(direction: &'static str, backend: &'static str, bytes: u64) {
    metrics::counter!("mcsv_storage_bytes_total", "direction" => direction, "backend" => backend)
        .increment(bytes);
}

struct Record {
    operation: &'static str,
    backend: &'static str,
    outcome: &'static str,
    begun: Instant,
}

impl Drop for Record {
    fn drop(&mut self) {
        metrics::histogram!(
            "mcsv_storage_operation_duration_seconds",
            "operation" => self.operation,
            "backend" => self.backend,
            "outcome" => self.outcome,
        )
        .record(self.begun.elapsed().as_secs_f64());
    }
}
