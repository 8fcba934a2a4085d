use std::collections::BTreeSet;
use std::fmt;
use std::time::Duration;

use mcsv_core::TraceId;

use super::Drained;
use super::drain::drain;
use crate::registry::Registry;
use crate::{Error, ErrorKind, Filter, Job, JobId, JobRecord, Jobs, State, Workers};

/// The most turns of [`TestQueue::drain_all`]: a test that needs more goes on for ever.
const TURNS: usize = 1_000;

/// A queue for one test: the real engine on a database in memory of its own, so tests run beside
/// each other, with a clock that moves when you say so.
///
/// Nothing runs in the background and nothing sleeps. [`drain`](Self::drain) works on what is due
/// with your own [`Workers`], one job after the other in the order of a worker; scheduled jobs and
/// retries fall due by [`advance`](Self::advance).
///
/// ```
/// # use mcsv_jobs::{BoxError, Job, JobCx, Jobs, Json, Outcome, Workers};
/// # use serde::{Deserialize, Serialize};
/// use mcsv_jobs::testing::TestQueue;
/// use std::time::Duration;
///
/// #[derive(Serialize, Deserialize)]
/// struct Welcome { user: u64 }
/// # impl Job for Welcome { const KIND: &'static str = "welcome"; const QUEUE: &'static str = "mails"; type Codec = Json; }
///
/// async fn sign_up(jobs: &Jobs, user: u64) -> Result<(), BoxError> {
///     jobs.enqueue(Welcome { user }).after(Duration::from_secs(300)).await?;
///     Ok(())
/// }
///
/// fn workers(jobs: &Jobs) -> Workers {
///     Workers::new(jobs.clone()).queue("mails", 4).handle(|_: Welcome, cx: JobCx| async move {
///         if cx.attempt() == 1 { Err(BoxError::from("no route")) } else { Ok(Outcome::done()) }
///     })
/// }
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), BoxError> {
/// let queue = TestQueue::new().await?;
/// sign_up(queue.jobs(), 7).await?;
///
/// queue.assert_enqueued(|job: &Welcome| job.user == 7).await;
/// queue.refute_enqueued(|job: &Welcome| job.user == 8).await;
/// assert_eq!(queue.drain(workers(queue.jobs())).await?.ran(), 0);
///
/// queue.advance(Duration::from_secs(300)).await?;
/// assert_eq!(queue.drain(workers(queue.jobs())).await?.retried, 1);
/// assert_eq!(queue.drain_all(workers(queue.jobs())).await?.completed, 1);
/// queue.assert_sound().await;
/// # Ok(()) }
/// ```
pub struct TestQueue {
    jobs: Jobs,
}

impl TestQueue {
    /// An empty queue, which goes with its last handle.
    ///
    /// # Errors
    ///
    /// The database can't be made.
    pub async fn new() -> Result<Self, Error> {
        Ok(TestQueue { jobs: Jobs::connect("sqlite::memory:").await? })
    }

    /// The queue of `jobs`: with keys, or on the database that the code under test is for. It must be
    /// of this test alone, since [`advance`](Self::advance) moves the times of all its jobs.
    ///
    /// ```
    /// # use mcsv_jobs::{BoxError, Jobs};
    /// use mcsv_jobs::testing::{PostgresServer, TestQueue};
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), BoxError> {
    /// let Some(server) = PostgresServer::start()? else { return Ok(()) };
    /// let database = server.database().await?;
    /// let queue = TestQueue::with_jobs(Jobs::connect(database.url()).await?);
    /// queue.assert_sound().await;
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn with_jobs(jobs: Jobs) -> Self {
        TestQueue { jobs }
    }

    /// The handle that the code under test gets.
    #[must_use]
    pub fn jobs(&self) -> &Jobs {
        &self.jobs
    }

    /// The oldest unfinished job of kind `J` that `matches`.
    ///
    /// # Panics
    ///
    /// There is none; the message lists the unfinished jobs of the kind.
    pub async fn assert_enqueued<J: Job>(&self, matches: impl Fn(&J) -> bool) -> JobRecord {
        let records = self.unfinished::<J>().await;
        match records.iter().find(|record| self.decoded(record).is_some_and(|job| matches(&job))) {
            Some(record) => record.clone(),
            None => {
                let unfinished = self.shown(&records);
                panic!("no job of kind {:?} matches; unfinished: {unfinished}", J::KIND)
            }
        }
    }

    /// That no unfinished job of kind `J` `matches`.
    ///
    /// # Panics
    ///
    /// There is one; the message shows it.
    pub async fn refute_enqueued<J: Job>(&self, matches: impl Fn(&J) -> bool) {
        let mut records = self.unfinished::<J>().await;
        records.retain(|record| self.decoded(record).is_some_and(|job| matches(&job)));
        assert!(records.is_empty(), "enqueued all the same: {}", self.shown(&records));
    }

    /// That the job `id` is in the trace `trace`.
    ///
    /// # Panics
    ///
    /// It is in another, or there is no such job.
    pub async fn assert_trace(&self, id: JobId, trace: TraceId) {
        let record = self.record(id).await;
        assert_eq!(record.trace_id, Some(trace), "the trace of job {id}");
    }

    /// That the job `id` is in `state`.
    ///
    /// # Panics
    ///
    /// It is in another, or there is no such job; the message has its history.
    pub async fn assert_state(&self, id: JobId, state: State) {
        let record = self.record(id).await;
        let events = self.jobs.events(id).await.expect("the test's database answers");
        assert_eq!(record.state, state, "job {id}: {events:#?}");
    }

    /// That every row is what its events make it.
    ///
    /// # Panics
    ///
    /// It is not; the message has the differences.
    pub async fn assert_sound(&self) {
        let report = self.jobs.verify().await.expect("the test's database answers");
        assert!(report.is_sound(), "{report}");
    }

    /// Moves the clock on by `time`: what is scheduled within it falls due.
    ///
    /// No worker may have a job of it in the meantime: its outcome would be refused as that of another
    /// attempt. Seen from the inside, everything that was written moves into the past by `time`, but for the
    /// times of stored errors. The periods of unique keys ([`Unique::with_period`](crate::Unique))
    /// stay where they are: to test the next one, enqueue a job [`at`](crate::NewJob::at) a time in it.
    ///
    /// # Errors
    ///
    /// The database does not answer.
    pub async fn advance(&self, time: Duration) -> Result<(), Error> {
        let by = crate::new_job::millis(time);
        // Rates and leases pass as well.
        let shift = format!(
            "BEGIN;
             UPDATE mcsv_jobs SET scheduled_at = scheduled_at - {by},
                inserted_at = inserted_at - {by}, budget_from = budget_from - {by},
                attempted_at = attempted_at - {by}, lease_until = lease_until - {by},
                finished_at = finished_at - {by};
             UPDATE mcsv_job_events SET at = at - {by};
             UPDATE mcsv_job_batches SET inserted_at = inserted_at - {by},
                finished_at = finished_at - {by};
             UPDATE mcsv_job_starts SET at = at - {by};
             COMMIT"
        );
        self.jobs.inner.store.bend(shift).await
    }

    /// Works on everything in the queues of `workers` that is due, and on what follows from it,
    /// until nothing is due.
    ///
    /// Schedules do not tick, and concurrency is one; policies, time-outs, panics, follow-ups,
    /// pauses and limits are those of the engine.
    ///
    /// # Errors
    ///
    /// The database does not answer, or 1,000 attempts did not come to an end.
    pub async fn drain(&self, workers: Workers) -> Result<Drained, Error> {
        let (queues, registry) = workers.into_parts();
        drain(&self.jobs, &queues, &registry.into()).await
    }

    /// Drains, moves the clock to the next job that is scheduled or retried in the queues of
    /// `workers`, and so on until nothing waits for its time.
    ///
    /// # Errors
    ///
    /// As [`drain`](Self::drain), or nothing is left but jobs of kinds that `workers` have no handler
    /// for, which wait for ever: the message names the kinds.
    pub async fn drain_all(&self, workers: Workers) -> Result<Drained, Error> {
        let (queues, registry) = workers.into_parts();
        let registry = registry.into();
        let mut all = Drained::default();
        for _ in 0..TURNS {
            all.add(drain(&self.jobs, &queues, &registry).await?);
            let waiting = self.waiting(&queues).await?;
            let Some(wait) = self.next_due(&waiting).await? else { return Ok(all) };
            check_handled(&registry, &waiting)?;
            self.advance(wait).await?;
        }
        Err(super::drain::endless())
    }

    /// What is not running in those of `queues` that are not paused.
    async fn waiting(&self, queues: &[String]) -> Result<Vec<JobRecord>, Error> {
        let paused = self.jobs.paused().await?;
        let states = [State::Available, State::Scheduled, State::Retryable];
        let mut all = Vec::new();
        for queue in queues.iter().filter(|queue| !paused.contains(queue)) {
            let waiting = Filter::new().with_queue(queue.as_str()).with_states(states);
            all.extend(self.jobs.inner.store.list(&waiting, u32::MAX).await?);
        }
        Ok(all)
    }

    /// How long until the first of those that wait for their time.
    async fn next_due(&self, waiting: &[JobRecord]) -> Result<Option<Duration>, Error> {
        let now = crate::record::time(self.jobs.inner.store.now().await?);
        let later = waiting.iter().filter(|record| record.state != State::Available);
        let waits = later.map(|record| record.scheduled_at.duration_since(now).unwrap_or_default());
        Ok(waits.min())
    }

    async fn record(&self, id: JobId) -> JobRecord {
        let found = self.jobs.get(id).await.expect("the test's database answers");
        found.unwrap_or_else(|| panic!("no job {id}"))
    }

    fn shown(&self, records: &[JobRecord]) -> String {
        let one = |record: &JobRecord| {
            let JobRecord { id, kind, state, sealed_with, args, .. } = record;
            let opened = self.jobs.keyring.open(kind, sealed_with.as_deref(), args);
            let args = opened.map_or_else(|error| error.to_string(), |opened| opened.shown());
            format!("\n  job {id} ({state}): {args}")
        };
        if records.is_empty() { "none".to_owned() } else { records.iter().map(one).collect() }
    }

    fn decoded<J: Job>(&self, record: &JobRecord) -> Option<J> {
        self.jobs.open(record).ok()
    }

    /// The oldest first.
    async fn unfinished<J: Job>(&self) -> Vec<JobRecord> {
        let filter = Filter::new().with_kind(J::KIND).with_states(State::UNFINISHED);
        let found = self.jobs.inner.store.list(&filter, u32::MAX).await;
        let mut records = found.expect("the test's database answers");
        records.reverse();
        records
    }
}

/// That time brings one of these to its end: a job without a handler is put off again and again.
fn check_handled(registry: &Registry, waiting: &[JobRecord]) -> Result<(), Error> {
    if waiting.iter().any(|record| registry.handles(&record.kind)) {
        return Ok(());
    }
    let kinds: BTreeSet<String> =
        waiting.iter().map(|record| format!("{:?}", record.kind)).collect();
    let kinds = kinds.into_iter().collect::<Vec<_>>().join(", ");
    let context = format!("no handler for kind {kinds}: register one on these workers");
    Err(Error::new(ErrorKind::Conflict, context))
}

impl fmt::Debug for TestQueue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TestQueue").field("jobs", &self.jobs).finish()
    }
}
