//! Many processes on one SQLite file, each with many tasks: nobody may meet a lock.

use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use futures_util::future::join_all;
use mcsv_core::Shutdown;
use mcsv_jobs::testing::Database;
use mcsv_jobs::{BoxError, Job as _, JobCx, Jobs, State, Workers};
use tokio::process::Command;
use tokio::time::{Instant, sleep};
use tracing::span;

use crate::parts::Step;

const PROCESSES: usize = 8;
const TASKS: usize = 16;

/// Lets the processes enqueue and work for `time`, then checks that nothing failed and all is done.
pub(crate) async fn play(time: Duration) -> Result<(), BoxError> {
    let database = Database::sqlite()?;
    let jobs = Jobs::connect(database.url()).await?;
    let program = std::env::current_exe()?;
    let children = (0..PROCESSES).map(|_| {
        let mut child = Command::new(&program);
        child.args(["crowd", database.url(), &time.as_millis().to_string()]);
        child.stdout(Stdio::piped()).kill_on_drop(true).spawn()
    });
    let children = children.collect::<Result<Vec<_>, _>>()?;
    let (mut enqueued, mut warned) = (0, 0);
    for ended in join_all(children.into_iter().map(|child| child.wait_with_output())).await {
        let ended = ended?;
        let text = String::from_utf8(ended.stdout)?;
        let numbers: Result<Vec<u64>, _> = text.split_whitespace().map(str::parse).collect();
        let [own, warnings] = numbers?[..] else {
            return Err(format!("a process ended with {}: {text}", ended.status).into());
        };
        enqueued += own;
        warned += warnings;
    }
    let stats = jobs.queue_stats(Step::QUEUE).await?;
    let completed = stats.count(State::Completed);
    let report = jobs.verify().await?;
    if warned > 0 || completed != enqueued || stats.unfinished() > 0 || !report.is_sound() {
        return Err(format!(
            "{warned} warnings, {completed} of {enqueued} jobs completed, {report}"
        )
        .into());
    }
    println!(
        "{PROCESSES} processes with {TASKS} tasks on one file for {time:?}: {enqueued} jobs, \
         all completed, no error and no warning"
    );
    Ok(())
}

/// One of the processes: enqueues by as many callers as it has tasks, and ends when all is done.
pub(crate) async fn one(url: &str, millis: u64) -> Result<(), BoxError> {
    let warnings = Arc::new(AtomicU64::new(0));
    tracing::subscriber::set_global_default(Warnings(Arc::clone(&warnings)))?;
    let jobs = Jobs::connect(url).await?;
    let workers = Workers::new(jobs.clone())
        .queue(Step::QUEUE, TASKS)
        .handle(|_: Step, _: JobCx| async { Ok::<(), BoxError>(()) });
    let shutdown = Shutdown::new();
    let running = tokio::spawn(workers.run(shutdown.clone()));
    let until = Instant::now() + Duration::from_millis(millis);
    let caller = |number| enqueue_until(&jobs, number, until);
    let enqueued = join_all((0_i64..).take(TASKS).map(caller)).await;
    let enqueued = enqueued.into_iter().sum::<Result<u64, BoxError>>()?;
    // The others may still enqueue: whoever leaves last sees an empty queue.
    while jobs.queue_stats(Step::QUEUE).await?.unfinished() > 0 {
        sleep(Duration::from_millis(100)).await;
    }
    shutdown.begin();
    running.await??;
    println!("{enqueued} {}", warnings.load(Ordering::Relaxed));
    Ok(())
}

async fn enqueue_until(jobs: &Jobs, number: i64, until: Instant) -> Result<u64, BoxError> {
    let mut enqueued = 0;
    while Instant::now() < until {
        jobs.enqueue(Step { number }).await?;
        enqueued += 1;
        // The workers are to keep up.
        sleep(Duration::from_millis(fastrand::u64(20..200))).await;
    }
    Ok(enqueued)
}

/// Counts what the engine warns of: a turn that failed, a database that can't be watched.
struct Warnings(Arc<AtomicU64>);

impl tracing::Subscriber for Warnings {
    fn enabled(&self, metadata: &tracing::Metadata<'_>) -> bool {
        *metadata.level() <= tracing::Level::WARN && metadata.target().starts_with("mcsv_jobs")
    }

    fn new_span(&self, _: &span::Attributes<'_>) -> span::Id {
        span::Id::from_u64(1)
    }

    fn record(&self, _: &span::Id, _: &span::Record<'_>) {}

    fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}

    fn event(&self, _: &tracing::Event<'_>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }

    fn enter(&self, _: &span::Id) {}

    fn exit(&self, _: &span::Id) {}
}
