use std::future::IntoFuture;
use std::pin::Pin;
use std::time::{Duration, SystemTime};

use sqlx::SqliteConnection;

use crate::store::Inserted;
use crate::{BatchId, Error, JobId, Jobs, NewJob, Unique};

/// A job on its way into the queue; made by [`Jobs::enqueue`], done by `.await`.
///
/// # Cancel safety
///
/// Once polled, the job may be enqueued even if the future is dropped. An idle worker may have started
/// it, and ended it, by the time of the answer, which waits for the disk.
#[derive(Debug)]
#[must_use = "nothing is enqueued until this is awaited"]
pub struct Enqueue<'a> {
    jobs: &'a Jobs,
    job: NewJob,
}

/// The answer to an enqueue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Enqueued {
    id: JobId,
    is_new: bool,
    is_replaced: bool,
}

impl Enqueued {
    pub(crate) fn new(inserted: &Inserted) -> Self {
        let Inserted { id, is_new, is_replaced, .. } = *inserted;
        Enqueued { id, is_new, is_replaced }
    }

    /// The job: the new one, or the one that has the same unique key.
    #[must_use]
    pub fn id(&self) -> JobId {
        self.id
    }

    /// Whether this call made the job.
    #[must_use]
    pub fn is_new(&self) -> bool {
        self.is_new
    }

    /// Whether the job was there, waited, and took over what [`Unique::with_replace`] names.
    #[must_use]
    pub fn is_replaced(&self) -> bool {
        self.is_replaced
    }
}

impl<'a> Enqueue<'a> {
    pub(crate) fn new(jobs: &'a Jobs, job: NewJob) -> Self {
        Enqueue { jobs, job }
    }

    /// Starts it this long from now; see [`NewJob::after`].
    pub fn after(mut self, delay: Duration) -> Self {
        self.job = self.job.after(delay);
        self
    }

    /// Starts it at `time`; see [`NewJob::at`].
    pub fn at(mut self, time: SystemTime) -> Self {
        self.job = self.job.at(time);
        self
    }

    /// Lets it start before jobs of a lower priority; see [`NewJob::priority`].
    pub fn priority(mut self, priority: i32) -> Self {
        self.job = self.job.priority(priority);
        self
    }

    /// Tries it at most this often; see [`NewJob::max_attempts`].
    pub fn max_attempts(mut self, attempts: u32) -> Self {
        self.job = self.job.max_attempts(attempts);
        self
    }

    /// Lets it share the places of `partition`; see [`NewJob::partition`].
    pub fn partition(mut self, partition: impl Into<String>) -> Self {
        self.job = self.job.partition(partition);
        self
    }

    /// Gives it this key, in place of its type's own; see [`Job::unique_key`](crate::Job::unique_key).
    pub fn unique_key(mut self, key: impl Into<String>) -> Self {
        self.job = self.job.unique_key(key);
        self
    }

    /// Lets its key stand by this rule, in place of its type's own; see
    /// [`Job::unique`](crate::Job::unique).
    pub fn unique(mut self, unique: Unique) -> Self {
        self.job = self.job.unique(unique);
        self
    }

    /// Enqueues `next` when this job has completed; see [`NewJob::then`].
    pub fn then(mut self, next: impl Into<NewJob>) -> Self {
        self.job = self.job.then(next);
        self
    }

    /// Counts it to the batch `id`; see [`NewJob::in_batch`].
    pub fn in_batch(mut self, id: BatchId) -> Self {
        self.job = self.job.in_batch(id);
        self
    }

    /// Puts it into another queue than its type's own.
    ///
    /// # Errors
    ///
    /// The name is no queue's: give 1 to 128 bytes of printable ASCII without spaces.
    pub fn queue(mut self, queue: &str) -> Result<Self, Error> {
        crate::new_job::check_name("queue", queue)?;
        self.job = self.job.queue(queue);
        Ok(self)
    }

    /// Enqueues it in the caller's transaction: it exists when, and only if, that commits.
    ///
    /// The connection must be to the same database, for instance of [`Jobs::begin`]. Open it with
    /// `BEGIN IMMEDIATE` where it reads before it writes, or SQLite may refuse the write. A worker
    /// notices the commit within a few milliseconds, and within a tenth of a second where this process
    /// writes all the time.
    ///
    /// ```
    /// # use mcsv_jobs::{BoxError, Job, Jobs, Json};
    /// # use serde::{Deserialize, Serialize};
    /// # #[derive(Serialize, Deserialize)] struct Welcome { user: i64 }
    /// # impl Job for Welcome { const KIND: &'static str = "w"; const QUEUE: &'static str = "q"; type Codec = Json; }
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), BoxError> {
    /// # let jobs = Jobs::connect("sqlite::memory:").await?;
    /// let mut tx = jobs.begin().await?;
    /// sqlx::raw_sql("CREATE TABLE users (id INTEGER); INSERT INTO users VALUES (7)")
    ///     .execute(&mut *tx)
    ///     .await?;
    /// jobs.enqueue(Welcome { user: 7 }).on(&mut tx).await?;
    /// tx.commit().await?;
    /// # Ok(()) }
    /// ```
    pub fn on(self, transaction: &'a mut SqliteConnection) -> EnqueueOn<'a> {
        EnqueueOn { jobs: self.jobs, job: self.job, transaction }
    }
}

#[cfg(feature = "postgres")]
impl<'a> Enqueue<'a> {
    /// Enqueues it in the caller's PostgreSQL transaction: it exists when, and only if, that
    /// commits.
    ///
    /// The connection must be to the same database and schema, for instance of
    /// [`Jobs::begin_pg`]. The commit tells the workers of every process.
    ///
    /// ```no_run
    /// # use mcsv_jobs::{BoxError, Job, Jobs, Json};
    /// # use serde::{Deserialize, Serialize};
    /// # #[derive(Serialize, Deserialize)] struct Welcome { user: i64 }
    /// # impl Job for Welcome { const KIND: &'static str = "w"; const QUEUE: &'static str = "q"; type Codec = Json; }
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), BoxError> {
    /// let jobs = Jobs::connect("postgres://app@db.example/app").await?;
    /// let mut tx = jobs.begin_pg().await?;
    /// sqlx::query("INSERT INTO users VALUES (7)").execute(&mut *tx).await?;
    /// jobs.enqueue(Welcome { user: 7 }).on_pg(&mut tx).await?;
    /// tx.commit().await?;
    /// # Ok(()) }
    /// ```
    pub fn on_pg(self, transaction: &'a mut sqlx::PgConnection) -> EnqueueOnPg<'a> {
        EnqueueOnPg { jobs: self.jobs, job: self.job, transaction }
    }
}

/// A job on its way into a caller's PostgreSQL transaction; made by [`Enqueue::on_pg`], done by
/// `.await`.
#[cfg(feature = "postgres")]
#[derive(Debug)]
#[must_use = "nothing is enqueued until this is awaited"]
pub struct EnqueueOnPg<'a> {
    jobs: &'a Jobs,
    job: NewJob,
    transaction: &'a mut sqlx::PgConnection,
}

#[cfg(feature = "postgres")]
impl<'a> IntoFuture for EnqueueOnPg<'a> {
    type Output = Result<Enqueued, Error>;
    type IntoFuture = Enqueuing<'a>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.jobs.submit_on_pg(self.job, self.transaction))
    }
}

/// A job on its way into a caller's transaction; made by [`Enqueue::on`], done by `.await`.
#[derive(Debug)]
#[must_use = "nothing is enqueued until this is awaited"]
pub struct EnqueueOn<'a> {
    jobs: &'a Jobs,
    job: NewJob,
    transaction: &'a mut SqliteConnection,
}

type Enqueuing<'a> = Pin<Box<dyn Future<Output = Result<Enqueued, Error>> + Send + 'a>>;

impl<'a> IntoFuture for Enqueue<'a> {
    type Output = Result<Enqueued, Error>;
    type IntoFuture = Enqueuing<'a>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.jobs.submit(self.job))
    }
}

impl<'a> IntoFuture for EnqueueOn<'a> {
    type Output = Result<Enqueued, Error>;
    type IntoFuture = Enqueuing<'a>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.jobs.submit_on(self.job, self.transaction))
    }
}
