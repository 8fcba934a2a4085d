//! How fast the queue is, beside the same statements in a bare loop.
//!
//! Only the ratios mean anything on another machine. `cargo bench -p mcsv-jobs`. With the URL of an
//! empty database in `MCSV_JOBS_BENCH_URL` the queue is there, and only the bare loop on SQLite.

use std::time::Duration;

use futures_util::future::join_all;
use mcsv_core::Shutdown;
use mcsv_jobs::{BoxError, Job, JobCx, Jobs, Json, Workers};
use serde::{Deserialize, Serialize};
use sqlx::Connection;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection, SqliteJournalMode, SqliteSynchronous};
use tokio::time::Instant;

const JOBS: u32 = 4_000;

#[derive(Serialize, Deserialize)]
struct Nothing {
    padding: String,
}

impl Job for Nothing {
    const KIND: &'static str = "nothing";
    const QUEUE: &'static str = "bench";
    type Codec = Json;
}

fn nothing() -> Nothing {
    Nothing { padding: "x".repeat(200) }
}

#[tokio::main]
async fn main() -> Result<(), BoxError> {
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("jobs.db");
    let url = std::env::var("MCSV_JOBS_BENCH_URL")
        .unwrap_or_else(|_| format!("sqlite://{}", file.display()));
    let jobs = Jobs::connect(&url).await?;

    let bare = rate(bare_inserts(&folder.path().join("bare.db"))).await?;
    println!("bare insert, one per commit     {bare:>9.0} /s");
    let single = rate(enqueue_one_by_one(&jobs)).await?;
    println!("enqueue, one caller             {single:>9.0} /s   {:.2} x bare", single / bare);
    let group = rate(enqueue_by_many(&jobs, 64)).await?;
    println!("enqueue, 64 callers             {group:>9.0} /s   {:.2} x one", group / single);
    let bulk = rate(enqueue_in_bulk(&jobs)).await?;
    println!("enqueue_all, 500 at a time      {bulk:>9.0} /s   {:.2} x one", bulk / single);
    for concurrency in [1, 10, 100, 500] {
        let jobs_left = jobs.queue_stats("bench").await?.unfinished();
        if jobs_left < u64::from(JOBS) {
            enqueue_in_bulk(&jobs).await?;
        }
        let drained = drain(&jobs, concurrency).await?;
        println!("run, concurrency {concurrency:<4}          {drained:>9.0} /s");
    }
    Ok(())
}

async fn rate(work: impl Future<Output = Result<(), BoxError>>) -> Result<f64, BoxError> {
    let start = Instant::now();
    work.await?;
    Ok(f64::from(JOBS) / start.elapsed().as_secs_f64())
}

async fn enqueue_one_by_one(jobs: &Jobs) -> Result<(), BoxError> {
    for _ in 0..JOBS {
        jobs.enqueue(nothing()).await?;
    }
    Ok(())
}

async fn enqueue_by_many(jobs: &Jobs, callers: u32) -> Result<(), BoxError> {
    let caller = |_| async {
        for _ in 0..JOBS / callers {
            jobs.enqueue(nothing()).await?;
        }
        Ok::<_, BoxError>(())
    };
    join_all((0..callers).map(caller)).await.into_iter().collect()
}

async fn enqueue_in_bulk(jobs: &Jobs) -> Result<(), BoxError> {
    for _ in 0..JOBS / 500 {
        jobs.enqueue_all((0..500).map(|_| nothing())).await?;
    }
    Ok(())
}

/// Runs everything that is in the queue and answers with the rate.
async fn drain(jobs: &Jobs, concurrency: usize) -> Result<f64, BoxError> {
    let count = jobs.queue_stats("bench").await?.unfinished();
    let shutdown = Shutdown::new();
    let workers = Workers::new(jobs.clone())
        .queue("bench", concurrency)
        .handle(|_: Nothing, _: JobCx| async { Ok::<(), BoxError>(()) });
    let start = Instant::now();
    let running = tokio::spawn(workers.run(shutdown.clone()));
    let mut look = tokio::time::interval(Duration::from_millis(10));
    while jobs.queue_stats("bench").await?.unfinished() > 0 {
        look.tick().await;
    }
    let elapsed = start.elapsed();
    shutdown.begin();
    running.await??;
    Ok(f64::from(u32::try_from(count)?) / elapsed.as_secs_f64())
}

/// The floor: a job's two rows and nothing else, one commit each.
async fn bare_inserts(file: &std::path::Path) -> Result<(), BoxError> {
    let options = SqliteConnectOptions::new()
        .filename(file)
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full);
    let mut conn = SqliteConnection::connect_with(&options).await?;
    sqlx::raw_sql(
        "CREATE TABLE jobs (id INTEGER PRIMARY KEY, state TEXT, args BLOB);
         CREATE TABLE events (id INTEGER PRIMARY KEY, job INTEGER, what TEXT);
         CREATE INDEX ready ON jobs (state, id)",
    )
    .execute(&mut conn)
    .await?;
    let args = serde_json::to_vec(&nothing())?;
    for _ in 0..JOBS {
        let mut tx = conn.begin_with("BEGIN IMMEDIATE").await?;
        let id: i64 =
            sqlx::query_scalar("INSERT INTO jobs (state, args) VALUES ('ready', ?1) RETURNING id")
                .bind(&args)
                .fetch_one(&mut *tx)
                .await?;
        sqlx::query("INSERT INTO events (job, what) VALUES (?1, 'enqueued')")
            .bind(id)
            .execute(&mut *tx)
            .await?;
        tx.commit().await?;
    }
    Ok(())
}
