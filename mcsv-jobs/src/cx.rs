use std::fmt;
use std::sync::Arc;
use std::time::SystemTime;

use mcsv_core::TraceContext;
use serde::Serialize;
use tokio::sync::watch;

use crate::progress::Reporter;
use crate::record::time;
use crate::store::Claimed;
use crate::{BatchId, Error, JobId};

/// What a handler can know about the attempt that it runs.
#[derive(Clone)]
pub struct JobCx {
    id: JobId,
    queue: Arc<str>,
    claimed: Arc<Claimed>,
    trace: TraceContext,
    signal: watch::Receiver<Signal>,
    reporter: Reporter,
}

/// What the driver tells a running handler.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Signal {
    GoOn,
    Cancelled,
    LeaseLost,
}

impl JobCx {
    pub(crate) fn new(
        id: JobId,
        queue: Arc<str>,
        claimed: Arc<Claimed>,
        signal: watch::Receiver<Signal>,
        reporter: Reporter,
    ) -> Self {
        let parent = claimed.traceparent.as_deref();
        let trace = parent
            .and_then(|text| TraceContext::parse(text, claimed.tracestate.as_deref()).ok())
            .unwrap_or_else(TraceContext::random_root);
        JobCx { id, queue, claimed, trace, signal, reporter }
    }

    pub(crate) fn with_trace(mut self, trace: TraceContext) -> Self {
        self.trace = trace;
        self
    }

    /// The job: the same in every attempt, so it serves as an idempotency key.
    #[must_use]
    pub fn id(&self) -> JobId {
        self.id
    }

    /// The attempt, from 1.
    #[must_use]
    pub fn attempt(&self) -> u32 {
        self.claimed.attempt
    }

    /// The attempts that the job has.
    #[must_use]
    pub fn max_attempts(&self) -> u32 {
        self.claimed.max_attempts
    }

    /// The name of its kind.
    #[must_use]
    pub fn kind(&self) -> &str {
        &self.claimed.kind
    }

    /// The queue that it came from.
    #[must_use]
    pub fn queue(&self) -> &str {
        &self.queue
    }

    /// The batch that it belongs to.
    #[must_use]
    pub fn batch(&self) -> Option<BatchId> {
        self.claimed.batch_id.and_then(|id| BatchId::new(id).ok())
    }

    /// The trace that it runs in: a span under the one that enqueued it.
    #[must_use]
    pub fn trace(&self) -> TraceContext {
        self.trace.clone()
    }

    /// When it was enqueued, by the database's clock.
    #[must_use]
    pub fn enqueued_at(&self) -> SystemTime {
        time(self.claimed.inserted_at)
    }

    /// When this attempt was claimed, by the database's clock.
    #[must_use]
    pub fn started_at(&self) -> SystemTime {
        time(self.claimed.started_at)
    }

    /// Says how far the attempt is, to whoever asks [`Jobs::progress`](crate::Jobs::progress).
    ///
    /// It returns at once. The newest is stored within a quarter of a second, as JSON of at most
    /// 4 KiB, and only while the lease holds. It stays with the job until the next attempt says
    /// something else.
    ///
    /// ```
    /// # use mcsv_jobs::{BoxError, JobCx, Outcome};
    /// async fn convert(pages: Vec<String>, cx: JobCx) -> Result<Outcome, BoxError> {
    ///     for (done, page) in pages.iter().enumerate() {
    ///         println!("{page}");
    ///         cx.report(&serde_json::json!({ "done": done + 1, "of": pages.len() }))?;
    ///     }
    ///     Ok(Outcome::done())
    /// }
    /// ```
    ///
    /// # Errors
    ///
    /// `progress` is no JSON, or too large.
    pub fn report(&self, progress: &impl Serialize) -> Result<(), Error> {
        self.reporter.report(progress)
    }

    /// Waits until somebody calls the job off.
    ///
    /// The handler then has five seconds to come to an end; what is left of it is dropped.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: a later call sees the same signal.
    pub async fn cancelled(&self) {
        self.signalled(Signal::Cancelled).await;
    }

    /// Waits until the lease is lost: another worker may be running the job by now.
    ///
    /// Whatever this handler returns afterwards is refused. End it, and start nothing new.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: a later call sees the same signal.
    pub async fn lease_lost(&self) {
        self.signalled(Signal::LeaseLost).await;
    }

    async fn signalled(&self, signal: Signal) {
        let mut receiver = self.signal.clone();
        // The sender goes when the job has ended for the driver: then no signal can come any more.
        if receiver.wait_for(|now| *now == signal).await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}

impl fmt::Debug for JobCx {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JobCx")
            .field("id", &self.id)
            .field("kind", &self.kind())
            .field("attempt", &self.attempt())
            .finish_non_exhaustive()
    }
}
