//! awa beside us: fills a queue on an empty database, empties it, and prints the seconds.
//!
//! `awa-peer URL JOBS default|tuned`

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant};

use awa::{Client, InsertOpts, JobArgs, JobResult, QueueConfig};
use serde::{Deserialize, Serialize};
use sqlx::PgPool;
use sqlx::postgres::PgPoolOptions;

type BoxError = Box<dyn std::error::Error + Send + Sync>;

#[derive(Debug, Serialize, Deserialize, JobArgs)]
struct Nothing {
    padding: String,
}

#[derive(Debug, Serialize, Deserialize, JobArgs)]
struct Other {}

#[tokio::main]
async fn main() -> Result<(), BoxError> {
    let arguments: Vec<String> = std::env::args().collect();
    let [_, url, jobs, settings] = &arguments[..] else { return Err("URL JOBS SETTINGS".into()) };
    let jobs: i64 = jobs.parse()?;
    let pool = PgPoolOptions::new().max_connections(20).connect(url).await?;
    awa::model::migrations::run(&pool).await?;
    // The first start on an empty database chooses its newest storage.
    let first = Client::builder(pool.clone())
        .queue("other", QueueConfig::default())
        .register::<Other, _, _>(|_, _| async { Ok(JobResult::Completed) })
        .build()?;
    first.start().await?;
    first.shutdown(Duration::from_secs(5)).await;
    fill(&pool, jobs).await?;
    // As the others have it.
    sqlx::query("VACUUM ANALYZE").execute(&pool).await?;
    sqlx::query("CHECKPOINT").execute(&pool).await?;

    let config = match settings.as_str() {
        "tuned" => QueueConfig {
            max_workers: 500,
            claim_batch_size: 500,
            claimers: 2,
            poll_interval: Duration::from_millis(20),
            ..QueueConfig::default()
        },
        _ => QueueConfig::default(),
    };
    let done = Arc::new(AtomicI64::new(0));
    let count = Arc::clone(&done);
    let client = Client::builder(pool.clone())
        .queue("bench", config)
        .register::<Nothing, _, _>(move |_, _| {
            count.fetch_add(1, Ordering::Relaxed);
            async { Ok(JobResult::Completed) }
        })
        .build()?;
    let start = Instant::now();
    client.start().await?;
    while done.load(Ordering::Relaxed) < jobs {
        if start.elapsed() > Duration::from_secs(300) {
            return Err(format!("{} of {jobs} after 300 s", done.load(Ordering::Relaxed)).into());
        }
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    client.shutdown(Duration::from_secs(30)).await;
    println!("{}", start.elapsed().as_secs_f64());
    let completed: i64 = sqlx::query_scalar(
        "SELECT count(*) FROM awa.jobs WHERE queue = 'bench' AND state = 'completed'",
    )
    .fetch_one(&pool)
    .await?;
    if completed != jobs {
        return Err(format!("{completed} of {jobs} are completed").into());
    }
    Ok(())
}

async fn fill(pool: &PgPool, jobs: i64) -> Result<(), BoxError> {
    for from in (0..jobs).step_by(1_000) {
        let batch: Result<Vec<_>, _> = (from..jobs.min(from + 1_000))
            .map(|_| {
                let options = InsertOpts { queue: "bench".into(), ..Default::default() };
                awa::model::insert::params_with(&Nothing { padding: "x".repeat(200) }, options)
            })
            .collect();
        awa::insert_many(pool, &batch?).await?;
    }
    Ok(())
}
