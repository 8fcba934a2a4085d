use std::fmt;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use sqlx::{Sqlite, SqliteConnection, Transaction};
use tokio::sync::watch;

use crate::keeper::Keeper;
use crate::store::{Cancel, Inserted, Prune, Requeue, RequeueWhich, Row, Store};
use crate::wake::Bells;
use crate::{
    Enqueue, Enqueued, Error, ErrorKind, Event, Filter, JobId, JobRecord, NewJob, Page, PageToken,
    Pruned, QueueBackend, QueueStats, State, trace,
};

/// A durable job queue: the handle with which jobs are put in, looked at and called off.
///
/// Clones are handles on the same queue. [`Workers`](crate::Workers) run the jobs, in this process
/// or in another one on the same database.
#[derive(Clone)]
pub struct Jobs {
    pub(crate) inner: Arc<Inner>,
}

pub(crate) struct Inner {
    pub(crate) store: Store,
    pub(crate) bells: Bells,
    pub(crate) finished: watch::Sender<u64>,
    keeper: Mutex<Weak<Keeper>>,
}

impl Jobs {
    /// Opens the queue at `url`, such as `sqlite:///var/lib/app/jobs.db` or `sqlite::memory:`, and
    /// makes the file, its folder and its tables where they are missing.
    ///
    /// The database is opened in WAL mode with `synchronous = FULL`: what was answered survives a
    /// power cut. A database in memory is for tests: it goes with the last handle.
    ///
    /// # Errors
    ///
    /// The URL is not one of SQLite, or the database can't be opened.
    pub async fn connect(url: &str) -> Result<Self, Error> {
        let store = Store::connect(url).await?;
        let inner = Inner {
            store,
            bells: Bells::default(),
            finished: watch::Sender::new(0),
            keeper: Mutex::default(),
        };
        Ok(Jobs { inner: Arc::new(inner) })
    }

    /// Enqueues a [`Job`](crate::Job) or a [`NewJob`] in the trace that is current here.
    ///
    /// ```
    /// # use mcsv_jobs::{Job, Jobs, Json};
    /// # use serde::{Deserialize, Serialize};
    /// # use std::time::Duration;
    /// # #[derive(Serialize, Deserialize)] struct Ping;
    /// # impl Job for Ping { const KIND: &'static str = "ping"; const QUEUE: &'static str = "q"; type Codec = Json; }
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), mcsv_jobs::Error> {
    /// let jobs = Jobs::connect("sqlite::memory:").await?;
    /// let enqueued = jobs.enqueue(Ping).after(Duration::from_secs(60)).priority(5).await?;
    /// assert!(enqueued.is_new());
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    ///
    /// The arguments can't be encoded or are larger than 256 KiB, a name is no name, or the
    /// database does not answer.
    pub fn enqueue(&self, job: impl Into<NewJob>) -> Enqueue<'_> {
        Enqueue::new(self, job.into())
    }

    /// Enqueues many jobs in one transaction; the answers are in their order.
    ///
    /// # Errors
    ///
    /// As [`enqueue`](Self::enqueue). One bad job keeps all of them out.
    pub async fn enqueue_all<N: Into<NewJob>>(
        &self,
        jobs: impl IntoIterator<Item = N>,
    ) -> Result<Vec<Enqueued>, Error> {
        let rows: Result<Vec<Row>, Error> = jobs
            .into_iter()
            .map(Into::into)
            .map(|job: NewJob| Row::new(&job, &trace::of_new(&job)))
            .collect();
        let rows = rows?;
        if rows.is_empty() {
            return Ok(Vec::new());
        }
        let inserted = self.inner.store.insert(rows.clone()).await?;
        self.inner.announce(&rows, &inserted);
        Ok(inserted.into_iter().map(|one| Enqueued::new(one.id, one.is_new)).collect())
    }

    pub(crate) async fn submit(&self, job: NewJob) -> Result<Enqueued, Error> {
        let row = Row::new(&job, &trace::of_new(&job))?;
        let inserted = self.inner.store.insert(vec![row.clone()]).await?;
        self.inner.announce(&[row], &inserted);
        first(&inserted)
    }

    pub(crate) async fn submit_on(
        &self,
        job: NewJob,
        conn: &mut SqliteConnection,
    ) -> Result<Enqueued, Error> {
        let row = Row::new(&job, &trace::of_new(&job))?;
        let inserted = crate::store::insert(conn, &[&row]).await?;
        trace::count_enqueued(&[row], &inserted);
        first(&inserted)
    }

    /// Begins a transaction on the queue's own connection, for a caller who keeps his tables in the
    /// same database.
    ///
    /// Nothing else can be written until it ends: enqueue with [`Enqueue::on`], and keep it short.
    ///
    /// # Errors
    ///
    /// The database does not answer.
    pub async fn begin(&self) -> Result<Transaction<'static, Sqlite>, Error> {
        Ok(self.inner.store.write_pool.begin_with("BEGIN IMMEDIATE").await?)
    }

    /// The job `id`, as it is now.
    ///
    /// # Errors
    ///
    /// The database does not answer.
    pub async fn get(&self, id: JobId) -> Result<Option<JobRecord>, Error> {
        self.inner.store.get(id).await
    }

    /// A page of the jobs that match, the newest first.
    ///
    /// # Errors
    ///
    /// The database does not answer.
    pub async fn list(&self, filter: Filter) -> Result<Page, Error> {
        let size = filter.page_size();
        // One more than asked for tells whether there is a next page.
        let mut jobs = self.inner.store.list(&filter, size + 1).await?;
        let more = jobs.len() > size as usize;
        jobs.truncate(size as usize);
        let next = jobs.last().filter(|_| more).map(|last| PageToken::after(last.id));
        Ok(Page { jobs, next })
    }

    /// Calls a job off: at once where it waits, by a signal to its handler where it runs.
    ///
    /// Answers with the state that it is in afterwards: `executing` means that the signal is on its
    /// way. Again is fine.
    ///
    /// # Errors
    ///
    /// There is no such job, or it has ended already.
    pub async fn cancel(&self, id: JobId) -> Result<State, Error> {
        let Some(reply) = self.inner.store.write(Cancel(id)).await? else {
            return Err(not_found(id));
        };
        let ended = reply.state.is_finished();
        if ended && !reply.changed {
            let context = format!("job {id} is {} already: it can't be cancelled", reply.state);
            return Err(Error::new(ErrorKind::Conflict, context));
        }
        if ended {
            self.inner.tell_finished();
        } else {
            self.inner.bells.ring_all();
        }
        Ok(reply.state)
    }

    /// Puts an ended job back into its queue, with a full budget of attempts and of time.
    ///
    /// # Errors
    ///
    /// There is no such job, it has not ended, or another unfinished job has its unique key.
    pub async fn retry(&self, id: JobId) -> Result<JobRecord, Error> {
        let back = self.inner.store.write(Requeue(RequeueWhich::One(id))).await?;
        for queue in &back {
            self.inner.bells.ring(queue);
        }
        let Some(record) = self.get(id).await? else { return Err(not_found(id)) };
        if back.is_empty() {
            let why = if record.state.is_finished() {
                "another unfinished job has its unique key"
            } else {
                "only an ended job can be retried"
            };
            let context = format!("job {id} is {}: {why}", record.state);
            return Err(Error::new(ErrorKind::Conflict, context));
        }
        Ok(record)
    }

    /// Puts every ended job that matches back, like [`retry`](Self::retry), and answers how many.
    ///
    /// # Errors
    ///
    /// The database does not answer.
    pub async fn replay(&self, filter: Filter) -> Result<u64, Error> {
        let back = self.inner.store.write(Requeue(RequeueWhich::Matching(filter))).await?;
        for queue in &back {
            self.inner.bells.ring(queue);
        }
        Ok(back.len() as u64)
    }

    /// The numbers of jobs by queue and state.
    ///
    /// # Errors
    ///
    /// The database does not answer.
    pub async fn stats(&self) -> Result<Vec<QueueStats>, Error> {
        self.inner.stats(None).await
    }

    /// The numbers of jobs of one queue by state; all are zero where no job was ever.
    ///
    /// # Errors
    ///
    /// The database does not answer.
    pub async fn queue_stats(&self, queue: &str) -> Result<QueueStats, Error> {
        let found = self.inner.stats(Some(queue)).await?.pop();
        Ok(found.unwrap_or_else(|| QueueStats::empty(queue)))
    }

    /// Everything that happened to the job `id`, in order.
    ///
    /// # Errors
    ///
    /// The database does not answer.
    pub async fn events(&self, id: JobId) -> Result<Vec<Event>, Error> {
        self.inner.store.events(id).await
    }

    /// Which of `keys` belong to an unfinished job of `kind`.
    ///
    /// # Errors
    ///
    /// The database does not answer.
    pub async fn unique_keys_unfinished(
        &self,
        kind: &str,
        keys: &[String],
    ) -> Result<Vec<String>, Error> {
        self.inner.store.keys_unfinished(kind, keys).await
    }

    /// Deletes jobs that ended longer ago than `finished_older_than`, and events that are older
    /// than `events_older_than` and whose jobs are gone.
    ///
    /// It works in small steps, so that others can write in between.
    ///
    /// # Errors
    ///
    /// The database does not answer; what was deleted until then stays deleted.
    pub async fn prune(
        &self,
        finished_older_than: Duration,
        events_older_than: Duration,
    ) -> Result<Pruned, Error> {
        let mut pruned = Pruned::default();
        loop {
            let step =
                self.inner.store.write(Prune { finished_older_than, events_older_than }).await?;
            pruned.jobs += step.jobs;
            pruned.events += step.events;
            if step.jobs.max(step.events) < crate::store::PRUNE_STEP {
                return Ok(pruned);
            }
        }
    }

    /// Waits until the job `id` has ended, at most `timeout`, and answers with it.
    ///
    /// # Errors
    ///
    /// There is no such job, or it has not ended in time
    /// ([`ErrorKind::Unavailable`](crate::ErrorKind::Unavailable)).
    pub async fn wait(&self, id: JobId, timeout: Duration) -> Result<JobRecord, Error> {
        match tokio::time::timeout(timeout, self.ended(id)).await {
            Ok(ended) => ended,
            Err(_) => Err(Error::new(
                ErrorKind::Unavailable,
                format!("job {id} has not ended within {timeout:?}: wait longer, or look later"),
            )),
        }
    }

    async fn ended(&self, id: JobId) -> Result<JobRecord, Error> {
        /// Another process may end the job: nobody tells this one.
        const POLL: Duration = Duration::from_millis(250);
        let mut finished = self.inner.finished.subscribe();
        loop {
            finished.mark_unchanged();
            let record = self.get(id).await?.ok_or_else(|| not_found(id))?;
            if record.state.is_finished() {
                return Ok(record);
            }
            // A time-out is the poll; the sender lives as long as this handle.
            let _ = tokio::time::timeout(POLL, finished.changed()).await;
        }
    }

    /// Whether the database answers: a readiness check.
    ///
    /// # Errors
    ///
    /// It does not.
    pub async fn ping(&self) -> Result<(), Error> {
        self.inner.store.now().await.map(drop)
    }

    /// The queue `name` as an apalis backend, for a worker that is built with apalis alone.
    ///
    /// apalis' `WorkerBuilder` takes it as it is. [`Workers`](crate::Workers) does the same with
    /// typed handlers and policies.
    ///
    /// # Errors
    ///
    /// The name is no queue's.
    pub fn queue(&self, name: &str) -> Result<QueueBackend, Error> {
        crate::new_job::check_name("queue", name)?;
        Ok(QueueBackend::new(self, name))
    }

    /// The one keeper of this process; it lives as long as a worker needs it.
    pub(crate) fn keeper(&self) -> Arc<Keeper> {
        let mut slot = self.inner.keeper.lock().unwrap_or_else(PoisonError::into_inner);
        slot.upgrade().unwrap_or_else(|| {
            let keeper = Arc::new(Keeper::spawn(&self.inner));
            *slot = Arc::downgrade(&keeper);
            keeper
        })
    }
}

impl Inner {
    /// Wakes the workers of what was just committed.
    pub(crate) fn announce(&self, rows: &[Row], inserted: &[Inserted]) {
        trace::count_enqueued(rows, inserted);
        for row in rows {
            self.bells.ring(&row.queue);
        }
    }

    pub(crate) fn tell_finished(&self) {
        self.finished.send_modify(|count| *count = count.wrapping_add(1));
    }

    async fn stats(&self, queue: Option<&str>) -> Result<Vec<QueueStats>, Error> {
        let mut all: Vec<QueueStats> = Vec::new();
        for (queue, state, count) in self.store.counts(queue).await? {
            if all.last().is_none_or(|last| last.queue != queue) {
                all.push(QueueStats::empty(&queue));
            }
            if let Some(stats) = all.last_mut() {
                stats.counts.insert(state.parse()?, u64::try_from(count).unwrap_or(0));
            }
        }
        Ok(all)
    }
}

impl fmt::Debug for Jobs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Jobs").field("file", &self.inner.store.file).finish_non_exhaustive()
    }
}

fn first(inserted: &[Inserted]) -> Result<Enqueued, Error> {
    inserted.first().map(|one| Enqueued::new(one.id, one.is_new)).ok_or_else(Error::closed)
}

fn not_found(id: JobId) -> Error {
    Error::new(ErrorKind::NotFound, format!("no job {id}: it was never there, or is pruned"))
}
