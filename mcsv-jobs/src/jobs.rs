mod audit;
mod batch;
mod keys;
mod limit;
mod look;
mod manage;
#[cfg(feature = "postgres")]
mod on_postgres;
mod pause;
mod progress;
mod subscribe;

pub use progress::WatchProgress;
pub use subscribe::EventStream;

use std::fmt;
use std::slice;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use sqlx::{Sqlite, SqliteConnection, Transaction};
use tokio::sync::watch;

use crate::keeper::Keeper;
use crate::keyring::Keyring;
use crate::store::{Completion, Inserted, Row, Store};
use crate::wake::Bells;
use crate::{Enqueue, Enqueued, Error, NewJob, QueueBackend, trace};

/// A durable job queue: the handle with which jobs are put in, looked at and called off.
///
/// Clones are handles on the same queue. [`Workers`](crate::Workers) run the jobs, in this process
/// or in another one on the same database.
#[derive(Clone)]
pub struct Jobs {
    pub(crate) inner: Arc<Inner>,
    pub(crate) keyring: Keyring,
}

pub(crate) struct Inner {
    pub(crate) store: Store,
    pub(crate) bells: Arc<Bells>,
    pub(crate) finished: watch::Sender<u64>,
    pub(crate) logged: watch::Sender<u64>,
    keeper: Mutex<Weak<Keeper>>,
}

impl Jobs {
    /// Opens the queue at `url`, such as `sqlite:///var/lib/app/jobs.db`, `sqlite::memory:` or
    /// `postgres://app@db.example/app`, and makes what is missing: the file, its folder, the tables.
    ///
    /// A SQLite database is opened in WAL mode, and what was answered survives a power cut. A database in
    /// memory is for tests: it goes with the last handle.
    ///
    /// # Errors
    ///
    /// The URL is of no database that this knows, or the database can't be opened. On PostgreSQL it must be
    /// encoded in UTF-8.
    pub async fn connect(url: &str) -> Result<Self, Error> {
        let store = Store::connect(url).await?;
        let inner = Inner {
            store,
            bells: Arc::default(),
            finished: watch::Sender::new(0),
            logged: watch::Sender::new(0),
            keeper: Mutex::default(),
        };
        Ok(Jobs { inner: Arc::new(inner), keyring: Keyring::default() })
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
        let rows = self.rows(jobs)?;
        if rows.is_empty() {
            return Ok(Vec::new());
        }
        let inserted = self.inner.store.insert(rows.clone()).await?;
        self.inner.announce(&rows, &inserted);
        Ok(answers(&inserted))
    }

    /// Enqueues many jobs in the caller's transaction; the answers are in their order.
    ///
    /// They exist when, and only if, that commits: see [`Enqueue::on`].
    ///
    /// ```
    /// # use mcsv_jobs::{BoxError, Job, Jobs, Json};
    /// # use serde::{Deserialize, Serialize};
    /// # #[derive(Serialize, Deserialize)] struct Invoice { order: i64 }
    /// # impl Job for Invoice { const KIND: &'static str = "i"; const QUEUE: &'static str = "q"; type Codec = Json; }
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), BoxError> {
    /// # let jobs = Jobs::connect("sqlite::memory:").await?;
    /// let mut tx = jobs.begin().await?;
    /// let made = jobs.enqueue_all_on(&mut tx, (1..=3).map(|order| Invoice { order })).await?;
    /// tx.commit().await?;
    /// assert_eq!(made.len(), 3);
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    ///
    /// As [`enqueue_all`](Self::enqueue_all), or the queue is not on SQLite.
    pub async fn enqueue_all_on<N: Into<NewJob>>(
        &self,
        transaction: &mut SqliteConnection,
        jobs: impl IntoIterator<Item = N>,
    ) -> Result<Vec<Enqueued>, Error> {
        self.inner.store.sqlite()?;
        let rows = self.rows(jobs)?;
        if rows.is_empty() {
            return Ok(Vec::new());
        }
        let inserted = crate::store::insert(transaction, &rows.iter().collect::<Vec<_>>()).await?;
        trace::count_enqueued(&rows, &inserted);
        Ok(answers(&inserted))
    }

    pub(crate) fn rows<N: Into<NewJob>>(
        &self,
        jobs: impl IntoIterator<Item = N>,
    ) -> Result<Vec<Row>, Error> {
        jobs.into_iter().map(Into::into).map(|job: NewJob| self.row(&job)).collect()
    }

    /// The job as it is stored, in its trace.
    pub(crate) fn row(&self, job: &NewJob) -> Result<Row, Error> {
        Row::new(job, &trace::of_new(job), &self.keyring)
    }

    pub(crate) async fn submit(&self, job: NewJob) -> Result<Enqueued, Error> {
        let row = self.row(&job)?;
        let inserted = self.inner.store.insert(vec![row.clone()]).await?;
        self.inner.announce(&[row], &inserted);
        first(&inserted)
    }

    pub(crate) async fn submit_on(
        &self,
        job: NewJob,
        conn: &mut SqliteConnection,
    ) -> Result<Enqueued, Error> {
        self.enqueue_all_on(conn, [job]).await?.pop().ok_or_else(Error::closed)
    }

    /// Begins a transaction on the queue's own connection, for a caller who keeps his tables in the
    /// same database.
    ///
    /// Nothing else can be written until it ends: enqueue with [`Enqueue::on`], and keep it short.
    ///
    /// # Errors
    ///
    /// The queue is not on SQLite, its file is gone, or the database does not answer.
    pub async fn begin(&self) -> Result<Transaction<'static, Sqlite>, Error> {
        self.inner.store.sqlite()?.begin().await
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
        tell(&self.logged);
        for (row, _) in rows.iter().zip(inserted).filter(|(_, one)| !one.has_started) {
            self.ring(&row.queue);
        }
    }

    /// The same of what follows on batches.
    pub(crate) fn announce_completions(&self, completions: &[Completion]) {
        for Completion { row, inserted } in completions {
            self.announce(slice::from_ref(row), slice::from_ref(inserted));
        }
    }

    /// New work in `queue`: wakes its workers, here and elsewhere.
    pub(crate) fn ring(&self, queue: &str) {
        tell(&self.logged);
        self.bells.ring(queue);
        self.store.tell(queue);
    }

    /// Has every worker look after its leases, here and elsewhere.
    pub(crate) fn ring_all(&self) {
        tell(&self.logged);
        self.bells.ring_all();
        self.store.tell_all();
    }

    /// Wakes those who wait for the end or for the progress of a job.
    pub(crate) fn tell_watchers(&self) {
        tell(&self.finished);
        tell(&self.logged);
    }
}

fn tell(watchers: &watch::Sender<u64>) {
    watchers.send_modify(|count| *count = count.wrapping_add(1));
}

impl fmt::Debug for Jobs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Jobs")
            .field("store", &self.inner.store.name())
            .field("file", &self.inner.store.file())
            .finish_non_exhaustive()
    }
}

fn answers(inserted: &[Inserted]) -> Vec<Enqueued> {
    inserted.iter().map(Enqueued::new).collect()
}

fn first(inserted: &[Inserted]) -> Result<Enqueued, Error> {
    inserted.first().map(Enqueued::new).ok_or_else(Error::closed)
}
