//! From an enqueue to the start of its job, on workers that have nothing to do, and on such that are half busy.

use std::process::Stdio;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use mcsv_core::Shutdown;
use mcsv_jobs::{Job, JobCx, Jobs, Json, Workers};
use serde::{Deserialize, Serialize};
use tokio::process::Command;
use tokio::sync::mpsc;
use tokio::time::{Instant, interval, sleep};

use crate::BoxError;
use crate::case::{median, quantile};

const TIMES: usize = 200;
/// Far more than a start takes: the workers are idle again.
const GAP: Duration = Duration::from_millis(37);
/// How often and how many times some are enqueued where the workers are half busy: for ten seconds.
const TICK: Duration = Duration::from_millis(10);
const TICKS: u32 = 1_000;

#[derive(Serialize, Deserialize)]
struct Ping {
    /// When the enqueue was called, in nanoseconds since 1970.
    called: u64,
}

impl Job for Ping {
    const KIND: &'static str = "ping";
    const QUEUE: &'static str = "pings";
    type Codec = Json;
}

pub(crate) async fn measure() -> Result<(), BoxError> {
    println!("{:52} {:>8} {:>8} {:>8}", "milliseconds", "p50", "p95", "p99");
    let folder = tempfile::tempdir()?;
    let url = crate::sqlite::url(&folder);
    both("SQLite", &url).await?;
    half_busy("SQLite", &url).await?;
    let database = crate::postgres::database().await?;
    both("PostgreSQL", database.url()).await?;
    half_busy("PostgreSQL", database.url()).await
}

async fn both(store: &str, url: &str) -> Result<(), BoxError> {
    let jobs = Jobs::connect(url).await?;
    let (seen, mut starts) = mpsc::unbounded_channel();
    let workers =
        Workers::new(jobs.clone()).queue("pings", 10).handle(move |ping: Ping, _: JobCx| {
            let started = nanos();
            let seen = seen.clone();
            async move { Ok::<(), BoxError>(seen.send((ping.called, started))?) }
        });
    let shutdown = Shutdown::new();
    let running = tokio::spawn(workers.run(shutdown.clone()));
    sleep(Duration::from_millis(500)).await;

    let (mut whole, mut after_answer, mut answers) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..TIMES {
        let called = nanos();
        jobs.enqueue(Ping { called }).await?;
        let answered = nanos();
        let (_, started) = starts.recv().await.ok_or("no start")?;
        whole.push(millis(called, started));
        after_answer.push(millis(answered, started));
        answers.push(millis(called, answered));
        sleep(GAP).await;
    }
    print(&format!("{store}, in process: call to start"), &whole);
    print(&format!("{store}, in process: call to answer"), &answers);
    print(&format!("{store}, in process: answer to start"), &after_answer);

    let mut other = Command::new(std::env::current_exe()?);
    other.args(["enqueuer", url, &TIMES.to_string()]).stdin(Stdio::null());
    let mut other = other.spawn()?;
    let mut elsewhere = Vec::new();
    for _ in 0..TIMES {
        let (answered, started) = starts.recv().await.ok_or("no start")?;
        elsewhere.push(millis(answered, started));
    }
    other.wait().await?;
    print(&format!("{store}, other process: call to start"), &elsewhere);
    shutdown.begin();
    running.await??;
    Ok(())
}

/// With half as many jobs as can be enqueued and worked on at a time.
async fn half_busy(store: &str, url: &str) -> Result<(), BoxError> {
    const MOST: usize = 50_000;
    let jobs = Jobs::connect(url).await?;
    let (seen, mut starts) = mpsc::unbounded_channel();
    let workers =
        Workers::new(jobs.clone()).queue("pings", 500).handle(move |ping: Ping, _: JobCx| {
            let started = nanos();
            let seen = seen.clone();
            async move { Ok::<(), BoxError>(seen.send(millis(ping.called, started))?) }
        });
    let shutdown = Shutdown::new();
    let running = tokio::spawn(workers.run(shutdown.clone()));

    let since = Instant::now();
    for _ in 0..MOST / 500 {
        enqueue_some(&jobs, 500).await?;
    }
    for _ in 0..MOST {
        starts.recv().await.ok_or("no start")?;
    }
    let rate = MOST as f64 / since.elapsed().as_secs_f64();

    let mut times = Vec::new();
    let mut ticks = interval(TICK);
    for _ in 0..TICKS {
        ticks.tick().await;
        enqueue_some(&jobs, (rate / 2.0 * TICK.as_secs_f64()) as usize).await?;
        while let Ok(time) = starts.try_recv() {
            times.push(time);
        }
    }
    print(&format!("{store}, at half of {rate:.0} jobs/s: call to start"), &times);
    shutdown.begin();
    running.await??;
    Ok(())
}

async fn enqueue_some(jobs: &Jobs, count: usize) -> Result<(), BoxError> {
    let called = nanos();
    jobs.enqueue_all((0..count).map(|_| Ping { called })).await?;
    Ok(())
}

/// The other process.
pub(crate) async fn enqueue_at(url: &str, times: usize) -> Result<(), BoxError> {
    let jobs = Jobs::connect(url).await?;
    for _ in 0..times {
        jobs.enqueue(Ping { called: nanos() }).await?;
        sleep(GAP).await;
    }
    Ok(())
}

fn print(what: &str, values: &[f64]) {
    let at = |at| quantile(values.iter().copied(), at);
    println!(
        "{what:52} {:>8.2} {:>8.2} {:>8.2}",
        median(values.iter().copied()),
        at(0.95),
        at(0.99)
    );
}

fn millis(from: u64, until: u64) -> f64 {
    (until as f64 - from as f64) / 1e6
}

/// One clock for both processes.
fn nanos() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
}
