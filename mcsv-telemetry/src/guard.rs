use std::time::Duration;

use crate::Result;
use crate::trace::TracePipeline;

/// Keeps the telemetry of a process; keep it to the end of `main`.
///
/// Dropping it delivers what is queued, like [`shutdown`](Self::shutdown), and logs a warning where
/// that failed.
#[must_use = "telemetry ends when its guard is dropped: bind it, as in `let _guard = ...`"]
#[derive(Debug)]
pub struct Guard {
    traces: Option<TracePipeline>,
    timeout: Duration,
}

impl Guard {
    pub(crate) fn new(traces: Option<TracePipeline>, timeout: Duration) -> Self {
        Guard { traces, timeout }
    }

    /// Whether spans are exported to a collector.
    #[must_use]
    pub fn exports_traces(&self) -> bool {
        self.traces.is_some()
    }

    /// Delivers the spans that are queued, and ends the export.
    ///
    /// It blocks its thread, for no longer than the
    /// [timeout](crate::Telemetry::with_shutdown_timeout), and needs no thread of the program's
    /// runtime: it may be called from any, also from the only worker.
    ///
    /// # Errors
    ///
    /// Spans were lost, now or earlier: [`is_undelivered`](crate::Error::is_undelivered).
    pub fn shutdown(mut self) -> Result<()> {
        self.stop()
    }

    fn stop(&mut self) -> Result<()> {
        self.traces.take().map_or(Ok(()), |traces| traces.shutdown(self.timeout))
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        if let Err(error) = self.stop() {
            tracing::warn!(error = &error as &dyn std::error::Error, "telemetry ended early");
        }
    }
}
