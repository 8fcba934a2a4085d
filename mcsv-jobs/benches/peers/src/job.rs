//! The one job of every measurement: nothing, with 200 bytes of arguments.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use mcsv_core::Shutdown;
use mcsv_jobs::{Job, JobCx, Jobs, Json, Policy, Retention, State, Workers};
use serde::{Deserialize, Serialize};
use tokio::sync::Notify;
use tokio::time::Instant;

use crate::BoxError;

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Nothing {
    pub(crate) padding: String,
}

impl Job for Nothing {
    const KIND: &'static str = "nothing";
    const QUEUE: &'static str = "bench";
    type Codec = Json;
}

pub(crate) fn nothing() -> Nothing {
    Nothing { padding: "x".repeat(200) }
}

/// The same, of which the row is deleted when it is done.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Passing(Nothing);

impl Job for Passing {
    const KIND: &'static str = "passing";
    const QUEUE: &'static str = "bench";
    type Codec = Json;

    fn policy() -> Policy {
        Policy::default().with_retention(Retention::DeleteCompleted)
    }
}

pub(crate) fn passing() -> Passing {
    Passing(nothing())
}

/// The same, which leaves no event either.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Fleeting(Nothing);

impl Job for Fleeting {
    const KIND: &'static str = "fleeting";
    const QUEUE: &'static str = "bench";
    type Codec = Json;

    fn policy() -> Policy {
        Policy::default().with_retention(Retention::ForgetCompleted)
    }
}

pub(crate) fn fleeting() -> Fleeting {
    Fleeting(nothing())
}

pub(crate) async fn fill(jobs: &Jobs, count: u32) -> Result<(), BoxError> {
    fill_with(jobs, count, nothing).await
}

pub(crate) async fn fill_with<J: Job>(
    jobs: &Jobs,
    count: u32,
    make: fn() -> J,
) -> Result<(), BoxError> {
    for from in (0..count).step_by(1_000) {
        jobs.enqueue_all((from..count.min(from + 1_000)).map(|_| make())).await?;
    }
    Ok(())
}

/// Counts what ran, and tells when all of it has.
#[derive(Clone)]
pub(crate) struct Count(Arc<(AtomicU32, Notify)>, u32);

impl Count {
    pub(crate) fn to(total: u32) -> Self {
        Count(Arc::new((AtomicU32::new(0), Notify::new())), total)
    }

    pub(crate) fn one(&self) {
        if self.0.0.fetch_add(1, Ordering::Relaxed) + 1 == self.1 {
            self.0.1.notify_one();
        }
    }

    pub(crate) async fn all(&self) -> Result<(), BoxError> {
        const LONG: Duration = Duration::from_secs(300);
        if tokio::time::timeout(LONG, self.0.1.notified()).await.is_err() {
            let ran = self.0.0.load(Ordering::Relaxed);
            return Err(format!("{ran} of {} ran within {LONG:?}", self.1).into());
        }
        Ok(())
    }
}

/// Works on all `count` jobs of the queue; the time is until the last outcome is in the database.
pub(crate) async fn drain(
    jobs: &Jobs,
    count: u32,
    concurrency: usize,
) -> Result<Duration, BoxError> {
    let elapsed = drain_of::<Nothing>(jobs, count, concurrency).await?;
    let completed = jobs.queue_stats("bench").await?.count(State::Completed);
    if completed < u64::from(count) {
        return Err(format!("{completed} of {count} are completed").into());
    }
    Ok(elapsed)
}

pub(crate) async fn drain_of<J: Job>(
    jobs: &Jobs,
    count: u32,
    concurrency: usize,
) -> Result<Duration, BoxError> {
    let done = Count::to(count);
    let seen = done.clone();
    let workers =
        Workers::new(jobs.clone()).queue("bench", concurrency).handle(move |_: J, _: JobCx| {
            seen.one();
            async { Ok::<(), BoxError>(()) }
        });
    let shutdown = Shutdown::new();
    let start = Instant::now();
    let running = tokio::spawn(workers.run(shutdown.clone()));
    done.all().await?;
    shutdown.begin();
    running.await??;
    let elapsed = start.elapsed();
    let left = jobs.queue_stats("bench").await?.unfinished();
    if left > 0 {
        return Err(format!("{left} of {count} are left").into());
    }
    Ok(elapsed)
}
