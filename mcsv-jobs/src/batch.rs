use std::collections::BTreeMap;
use std::future::IntoFuture;
use std::pin::Pin;
use std::time::SystemTime;

use crate::store::{Inserted, NewBatch, Row};
use crate::{BatchId, Enqueued, Error, Jobs, NewJob, State};

/// Jobs on their way into the queue as a batch; made by [`Jobs::batch`], done by `.await`.
///
/// # Cancel safety
///
/// Once polled, the batch may be enqueued even if the future is dropped.
#[derive(Debug)]
#[must_use = "nothing is enqueued until this is awaited"]
pub struct EnqueueBatch<'a> {
    jobs: &'a Jobs,
    id: BatchId,
    members: Vec<NewJob>,
    completion: Option<NewJob>,
}

/// The answer to the enqueue of a batch.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct EnqueuedBatch {
    /// The batch.
    pub id: BatchId,
    /// Its jobs, in their order. One that is not new belongs to whoever made it.
    pub jobs: Vec<Enqueued>,
}

/// Where a batch stands; answered by [`Jobs::batch_status`].
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct BatchStatus {
    /// The batch.
    pub id: BatchId,
    /// When it was enqueued.
    pub inserted_at: SystemTime,
    /// When the last of its jobs ended, and its completion was enqueued.
    pub finished_at: Option<SystemTime>,
    /// How many of its jobs are in each state. Pruned ones are in none.
    pub counts: BTreeMap<State, u64>,
}

impl BatchStatus {
    /// How many of its jobs are in `state`.
    #[must_use]
    pub fn count(&self, state: State) -> u64 {
        self.counts.get(&state).copied().unwrap_or(0)
    }

    /// How many of its jobs have ended, and how many it has.
    #[must_use]
    pub fn progress(&self) -> (u64, u64) {
        let all = self.counts.values().sum();
        let open: u64 = State::UNFINISHED.into_iter().map(|state| self.count(state)).sum();
        (all - open, all)
    }
}

impl<'a> EnqueueBatch<'a> {
    pub(crate) fn new(jobs: &'a Jobs, members: Vec<NewJob>) -> Self {
        EnqueueBatch { jobs, id: BatchId::random(), members, completion: None }
    }

    /// The batch that it will be: give it to the completion, or to whoever watches.
    #[must_use]
    pub fn id(&self) -> BatchId {
        self.id
    }

    /// Enqueues `job` once all jobs of the batch have ended, however they did, in the transaction
    /// that ends the last one. A batch without jobs has ended at once.
    pub fn then(mut self, job: impl Into<NewJob>) -> Self {
        self.completion = Some(job.into());
        self
    }

    async fn submit(self) -> Result<EnqueuedBatch, Error> {
        let rows = self.members.into_iter().map(|job| self.jobs.row(&job.in_batch(self.id)));
        let rows = rows.collect::<Result<Vec<Row>, Error>>()?;
        let completion = self.completion.as_ref().map(|job| self.jobs.row(job)).transpose()?;
        let batch = NewBatch { id: self.id, rows, completion };
        let (inserted, completions) = self.jobs.inner.store.insert_batch(batch.clone()).await?;
        self.jobs.inner.announce(&batch.rows, &inserted);
        self.jobs.inner.announce_completions(&completions);
        let enqueued = |one: Inserted| Enqueued::new(&one);
        Ok(EnqueuedBatch { id: self.id, jobs: inserted.into_iter().map(enqueued).collect() })
    }
}

impl<'a> IntoFuture for EnqueueBatch<'a> {
    type Output = Result<EnqueuedBatch, Error>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send + 'a>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.submit())
    }
}
