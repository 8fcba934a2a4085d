//! What the cases share: a few kinds of jobs, a queue, and workers that end.

use std::sync::Arc;
use std::time::Duration;

use crate::{BoxError, Enqueued, Error, Job, JobCx, JobId, JobRecord, Jobs, Json, Policy, Workers};
use mcsv_core::{Backoff, Shutdown};
use serde::{Deserialize, Serialize};
use tokio::sync::{Notify, mpsc};
use tokio::task::JoinHandle;

/// Far longer than anything here takes: a test that waits this long has failed.
pub(in crate::testing) const LONG: Duration = Duration::from_secs(60);

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(in crate::testing) struct Note {
    pub(in crate::testing) text: String,
}

pub(in crate::testing) fn note(text: &str) -> Note {
    Note { text: text.to_owned() }
}

impl Job for Note {
    const KIND: &'static str = "note";
    const QUEUE: &'static str = "notes";
    type Codec = Json;

    fn policy() -> Policy {
        Policy::default().with_max_attempts(3).with_backoff(quick())
    }

    fn unique_key(&self) -> Option<String> {
        self.text.strip_prefix("unique ").map(str::to_owned)
    }
}

/// What a dead note leaves behind.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(in crate::testing) struct Obituary {
    pub(in crate::testing) of: i64,
    pub(in crate::testing) error: String,
}

impl Job for Obituary {
    const KIND: &'static str = "obituary";
    const QUEUE: &'static str = "obituaries";
    type Codec = Json;
}

fn quick() -> Backoff {
    let millis = Duration::from_millis;
    Backoff::exponential(millis(20), millis(40)).expect("a growing range")
}

/// The queue of one case.
pub(in crate::testing) struct Queue {
    pub(in crate::testing) jobs: Jobs,
    pub(in crate::testing) url: String,
}

/// How a transaction ends.
#[derive(Clone, Copy, PartialEq)]
pub(in crate::testing) enum End {
    Commit,
    Rollback,
}

impl Queue {
    pub(in crate::testing) async fn open(url: &str) -> Result<Queue, Error> {
        Ok(Queue { jobs: Jobs::connect(url).await?, url: url.to_owned() })
    }

    /// A second handle on the same database, as another process would have.
    pub(in crate::testing) async fn other(&self) -> Jobs {
        Jobs::connect(&self.url).await.unwrap()
    }

    pub(in crate::testing) fn is_on_postgres(&self) -> bool {
        #[cfg(feature = "postgres")]
        return self.jobs.inner.store.postgres().is_ok();
        #[cfg(not(feature = "postgres"))]
        false
    }

    /// Runs a statement of the case's own, on whatever database.
    pub(in crate::testing) async fn bend(&self, sql: &str) -> Done {
        Ok(self.jobs.inner.store.bend(sql.to_owned()).await?)
    }

    pub(in crate::testing) async fn enqueue_in_transaction(
        &self,
        note: Note,
        end: End,
    ) -> Result<JobId, BoxError> {
        #[cfg(feature = "postgres")]
        if self.jobs.inner.store.postgres().is_ok() {
            let mut tx = self.jobs.begin_pg().await?;
            let id = self.jobs.enqueue(note).on_pg(&mut tx).await?.id();
            if end == End::Commit {
                tx.commit().await?;
            } else {
                tx.rollback().await?;
            }
            return Ok(id);
        }
        let mut tx = self.jobs.begin().await?;
        let id = self.jobs.enqueue(note).on(&mut tx).await?.id();
        if end == End::Commit {
            tx.commit().await?;
        } else {
            tx.rollback().await?;
        }
        Ok(id)
    }

    pub(in crate::testing) async fn enqueue_all_in_transaction(
        &self,
        notes: Vec<Note>,
        end: End,
    ) -> Result<Vec<Enqueued>, BoxError> {
        #[cfg(feature = "postgres")]
        if self.jobs.inner.store.postgres().is_ok() {
            let mut tx = self.jobs.begin_pg().await?;
            let made = self.jobs.enqueue_all_on_pg(&mut tx, notes).await?;
            if end == End::Commit {
                tx.commit().await?;
            } else {
                tx.rollback().await?;
            }
            return Ok(made);
        }
        let mut tx = self.jobs.begin().await?;
        let made = self.jobs.enqueue_all_on(&mut tx, notes).await?;
        if end == End::Commit {
            tx.commit().await?;
        } else {
            tx.rollback().await?;
        }
        Ok(made)
    }

    pub(in crate::testing) async fn wait(&self, id: JobId) -> JobRecord {
        self.jobs.wait(id, LONG).await.unwrap()
    }

    pub(in crate::testing) fn workers(&self) -> Workers {
        Workers::new(self.jobs.clone()).queue("notes", 4)
    }
}

/// Workers in the background.
pub(in crate::testing) struct Running {
    shutdown: Shutdown,
    task: JoinHandle<Result<(), Error>>,
}

pub(in crate::testing) fn run(workers: Workers) -> Running {
    let shutdown = Shutdown::new();
    let task = tokio::spawn(workers.run(shutdown.clone()));
    Running { shutdown, task }
}

/// Workers whose notes say in which attempt they begin, and end one by one when they are notified.
pub(in crate::testing) fn run_gated(
    workers: Workers,
) -> (Running, mpsc::UnboundedReceiver<u32>, Arc<Notify>) {
    let (started, starts) = mpsc::unbounded_channel();
    let go_on = Arc::new(Notify::new());
    let gate = Arc::clone(&go_on);
    let running = run(workers.handle(move |_: Note, cx: JobCx| {
        let (started, gate) = (started.clone(), Arc::clone(&gate));
        async move {
            started.send(cx.attempt())?;
            gate.notified().await;
            Done::Ok(())
        }
    }));
    (running, starts, go_on)
}

impl Running {
    /// Asks them to end; the answer comes when they have.
    pub(in crate::testing) fn begin_end(&self) {
        self.shutdown.begin();
    }

    pub(in crate::testing) async fn end(self) {
        self.shutdown.begin();
        tokio::time::timeout(LONG, self.task).await.unwrap().unwrap().unwrap();
    }

    /// Drops them without a word, as a crash of one task would.
    pub(in crate::testing) async fn abort(self) {
        self.task.abort();
        let _ = self.task.await;
    }
}

pub(in crate::testing) type Done = Result<(), BoxError>;
