use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::SystemTime;

use mcsv_core::TraceContext;
use serde::Serialize;
use tokio::sync::watch;

use crate::backend::Supervisor;
use crate::progress::Reporter;
use crate::record::time;
use crate::store::{Ack, Claimed, Settled};
use crate::{BatchId, Error, ErrorKind, JobId, Outcome};

/// What a handler can know about the attempt that it runs.
#[derive(Clone)]
pub struct JobCx {
    id: JobId,
    queue: Arc<str>,
    claimed: Arc<Claimed>,
    trace: TraceContext,
    signal: watch::Receiver<Signal>,
    reporter: Reporter,
    completing: Completing,
    /// None where nobody holds a lease, as in a test of the handler alone.
    supervisor: Option<Arc<Supervisor>>,
}

/// Whether a handler has begun to complete its job in a transaction of its own.
#[derive(Clone, Debug, Default)]
pub(crate) struct Completing(Arc<AtomicBool>);

impl Completing {
    fn begin(&self) {
        self.0.store(true, Ordering::Release);
    }

    pub(crate) fn has_begun(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }
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
        let (completing, supervisor) = (Completing::default(), None);
        JobCx { id, queue, claimed, trace, signal, reporter, completing, supervisor }
    }

    pub(crate) fn under(mut self, supervisor: &Arc<Supervisor>) -> Self {
        self.supervisor = Some(Arc::clone(supervisor));
        self
    }

    pub(crate) fn completing(&self) -> Completing {
        self.completing.clone()
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

    /// Completes the job in `transaction`, with what the handler writes there: both or neither, however
    /// the process ends. So the effect happens exactly once.
    ///
    /// The transaction must be on the queue's own SQLite database, such as one of
    /// [`Jobs::begin`](crate::Jobs::begin); [`complete_in_pg`](Self::complete_in_pg) is its twin. The
    /// result, the follow-ups and the next job of a chain are written in it, too. Commit it, then return
    /// `Ok`: what the handler returns after the commit changes nothing. If it is not committed the attempt
    /// has failed, even where the handler returns `Ok`. Keep it short, for the outcomes of the queue's
    /// other jobs wait for it.
    ///
    /// ```
    /// # use mcsv_jobs::{BoxError, Job, JobCx, Jobs, Json, Outcome, Workers};
    /// # use serde::{Deserialize, Serialize};
    /// # #[derive(Serialize, Deserialize)] struct Pay { cents: i64 }
    /// # impl Job for Pay { const KIND: &'static str = "pay"; const QUEUE: &'static str = "q"; type Codec = Json; }
    /// # fn example(jobs: Jobs) -> Workers {
    /// Workers::new(jobs.clone()).queue("q", 4).handle(move |job: Pay, cx: JobCx| {
    ///     let jobs = jobs.clone();
    ///     async move {
    ///         let mut tx = jobs.begin().await?;
    ///         sqlx::query("UPDATE account SET cents = cents - ?1")
    ///             .bind(job.cents)
    ///             .execute(&mut *tx)
    ///             .await?;
    ///         cx.complete_in(&mut tx, Outcome::done()).await?;
    ///         tx.commit().await?;
    ///         Ok::<_, BoxError>(())
    ///     }
    /// })
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// The lease is lost or the job has ended ([`ErrorKind::Conflict`]): roll back. The outcome is
    /// another than done, a follow-up is refused, or the database does not answer.
    pub async fn complete_in(
        &self,
        transaction: &mut sqlx::SqliteConnection,
        outcome: impl Into<Outcome>,
    ) -> Result<(), Error> {
        let (owner, ack) = self.begin_completion(outcome.into())?;
        let settled = crate::store::settle(transaction, &owner, &[ack]).await?;
        self.end_completion(&settled)
    }

    /// Completes the job in `transaction` of the queue's own PostgreSQL database, such as one of
    /// [`Jobs::begin_pg`](crate::Jobs::begin_pg), like [`complete_in`](Self::complete_in). A batch that
    /// ends with the job is ended after the commit, within ten seconds if the process dies over it.
    ///
    /// # Errors
    ///
    /// As [`complete_in`](Self::complete_in).
    #[cfg(feature = "postgres")]
    pub async fn complete_in_pg(
        &self,
        transaction: &mut sqlx::PgConnection,
        outcome: impl Into<Outcome>,
    ) -> Result<(), Error> {
        let (owner, ack) = self.begin_completion(outcome.into())?;
        let settled = crate::store::settle_on_pg(transaction, &owner, ack).await?;
        self.end_completion(&settled)
    }

    fn begin_completion(&self, outcome: Outcome) -> Result<(Arc<str>, Ack), Error> {
        let Some(supervisor) = &self.supervisor else {
            return Err(Error::invalid("no worker holds this job: run it by Workers"));
        };
        let ack = supervisor.completion(&self.claimed, outcome)?;
        // Before it is asked for: whoever drops the future does not know either.
        self.completing.begin();
        Ok((Arc::clone(&supervisor.owner), ack))
    }

    fn end_completion(&self, settled: &Settled) -> Result<(), Error> {
        if settled.accepted.is_empty() {
            let context = format!("job {} is not of this attempt any more: roll back", self.id);
            return Err(Error::new(ErrorKind::Conflict, context));
        }
        Ok(())
    }

    /// Waits until somebody calls the job off.
    ///
    /// The handler then has five seconds to come to an end; what is left of it is dropped. What it got
    /// done counts; where it fails, or asks for another attempt, the job is cancelled.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: a later call sees the same signal.
    pub async fn cancelled(&self) {
        self.signalled(Signal::Cancelled).await;
    }

    pub(crate) fn is_called_off(&self) -> bool {
        *self.signal.borrow() == Signal::Cancelled
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
