//! What the tests share: a few kinds of jobs, a database of their own, and workers that end.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use mcsv_core::{Backoff, Shutdown};
use mcsv_jobs::{BoxError, Job, JobCx, JobId, JobRecord, Jobs, Json, Policy, Retention, Workers};
use serde::{Deserialize, Serialize};
use tempfile::TempDir;
use tokio::sync::{Notify, mpsc};
use tokio::task::JoinHandle;
use tokio::time::timeout;

/// Far longer than anything here takes: a test that waits this long has failed.
pub(crate) const LONG: Duration = Duration::from_secs(60);

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Note {
    pub(crate) text: String,
}

pub(crate) fn note(text: &str) -> Note {
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

/// Of which nothing is kept.
#[derive(Serialize, Deserialize)]
pub(crate) struct Fleeting;

impl Job for Fleeting {
    const KIND: &'static str = "fleeting";
    const QUEUE: &'static str = "notes";
    type Codec = Json;

    fn policy() -> Policy {
        Policy::default().with_retention(Retention::ForgetCompleted)
    }
}

fn quick() -> Backoff {
    let millis = Duration::from_millis;
    Backoff::exponential(millis(20), millis(40)).expect("a growing range")
}

/// A queue in a folder of its own, which goes with it.
pub(crate) struct Queue {
    pub(crate) jobs: Jobs,
    pub(crate) folder: TempDir,
}

impl Queue {
    pub(crate) async fn new() -> Queue {
        let folder = tempfile::tempdir().unwrap();
        let jobs = Jobs::connect(&url(folder.path())).await.unwrap();
        Queue { jobs, folder }
    }

    /// A second handle on the same file, as another process would have.
    pub(crate) async fn other(&self) -> Jobs {
        Jobs::connect(&url(self.folder.path())).await.unwrap()
    }

    pub(crate) async fn wait(&self, id: JobId) -> JobRecord {
        self.jobs.wait(id, LONG).await.unwrap()
    }
}

pub(crate) fn url(folder: &Path) -> String {
    format!("sqlite://{}", folder.join("deep/er/jobs.db").display())
}

pub(crate) type Done = Result<(), BoxError>;

/// Workers in the background.
pub(crate) struct Running {
    shutdown: Shutdown,
    task: JoinHandle<Result<(), mcsv_jobs::Error>>,
}

pub(crate) fn run(workers: Workers) -> Running {
    let shutdown = Shutdown::new();
    let task = tokio::spawn(workers.run(shutdown.clone()));
    Running { shutdown, task }
}

/// What notes begin to run, and in which attempt.
pub(crate) type Starts = mpsc::UnboundedReceiver<(String, u32)>;

/// Workers whose notes say that they begin, and end one by one when they are notified.
pub(crate) fn run_gated(workers: Workers) -> (Running, Starts, Arc<Notify>) {
    let (started, starts) = mpsc::unbounded_channel();
    let go_on = Arc::new(Notify::new());
    let gate = Arc::clone(&go_on);
    let running = run(workers.handle(move |job: Note, cx: JobCx| {
        let (started, gate) = (started.clone(), Arc::clone(&gate));
        async move {
            started.send((job.text, cx.attempt()))?;
            gate.notified().await;
            Done::Ok(())
        }
    }));
    (running, starts, go_on)
}

impl Running {
    pub(crate) async fn end(self) -> Done {
        self.shutdown.begin();
        Ok(timeout(LONG, self.task).await???)
    }
}

/// Every row is what its events make it.
pub(crate) async fn assert_sound(jobs: &Jobs) -> Done {
    let report = jobs.verify().await?;
    assert!(report.is_sound(), "{report}");
    Ok(())
}
