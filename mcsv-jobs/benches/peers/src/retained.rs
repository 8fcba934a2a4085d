//! What ended jobs that are kept take of the throughput.

use mcsv_jobs::Jobs;
use tempfile::TempDir;
use tokio::time::Instant;

use crate::BoxError;
use crate::case::median;
use crate::job::{drain, fill};

const JOBS: u32 = 20_000;
const CONCURRENCY: usize = 500;
const ROUNDS: usize = 5;

pub(crate) async fn measure(kept: u32) -> Result<(), BoxError> {
    let folders: [TempDir; 2] = [tempfile::tempdir()?, tempfile::tempdir()?];
    let [empty, full] = [
        Jobs::connect(&crate::sqlite::url(&folders[0])).await?,
        Jobs::connect(&crate::sqlite::url(&folders[1])).await?,
    ];
    let start = Instant::now();
    let mut tx = full.begin().await?;
    for statement in SQLITE {
        sqlx::query(*statement).bind(i64::from(kept)).execute(&mut *tx).await?;
    }
    tx.commit().await?;
    println!("SQLite: {kept} jobs kept, made in {:?}", start.elapsed());
    compare("SQLite", &empty, &full).await?;

    let databases = [crate::postgres::database().await?, crate::postgres::database().await?];
    let [empty, full] =
        [Jobs::connect(databases[0].url()).await?, Jobs::connect(databases[1].url()).await?];
    let start = Instant::now();
    let mut tx = full.begin_pg().await?;
    for statement in POSTGRES {
        sqlx::query(*statement).bind(i64::from(kept)).execute(&mut *tx).await?;
    }
    sqlx::query("SELECT setval(pg_get_serial_sequence('mcsv_jobs', 'id'), $1)")
        .bind(i64::from(kept))
        .execute(&mut *tx)
        .await?;
    tx.commit().await?;
    for database in &databases {
        crate::postgres::vacuum(database.url()).await?;
    }
    println!("PostgreSQL: {kept} jobs kept, made in {:?}", start.elapsed());
    compare("PostgreSQL", &empty, &full).await
}

/// Both have their turns in each round; what they do stays and counts as kept.
async fn compare(store: &str, empty: &Jobs, full: &Jobs) -> Result<(), BoxError> {
    let mut ratios = Vec::new();
    for round in 1..=ROUNDS {
        let mut rates = Vec::new();
        for jobs in [empty, full] {
            fill(jobs, JOBS).await?;
            rates.push(f64::from(JOBS) / drain(jobs, JOBS, CONCURRENCY).await?.as_secs_f64());
        }
        println!("{store}, round {round}: {:.0} /s alone, {:.0} /s beside", rates[0], rates[1]);
        ratios.push(rates[1] / rates[0]);
    }
    println!("{store}: {:.3} of the throughput", median(ratios.into_iter()));
    Ok(())
}

const SQLITE: &[&str] = &[
    "WITH RECURSIVE n (id) AS (SELECT 1 UNION ALL SELECT id + 1 FROM n WHERE id < ?1)
     INSERT INTO mcsv_jobs (id, kind, queue, state, attempt, max_attempts, fence, scheduled_at,
        inserted_at, budget_from, attempted_at, attempted_by, finished_at, traceparent, args)
     SELECT id, 'nothing', 'bench', 'completed', 1, 20, 1, id, id, id, id, '1-0.1', id,
        '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01', randomblob(216) FROM n",
    "UPDATE mcsv_job_ids SET last = ?1",
    "INSERT INTO mcsv_job_events (job_id, at, transition, state, attempt)
     SELECT id, id, 'enqueued', 'available', 0 FROM mcsv_jobs WHERE id <= ?1",
    "INSERT INTO mcsv_job_events (job_id, at, transition, state, attempt)
     SELECT id, id, 'completed', 'completed', 1 FROM mcsv_jobs WHERE id <= ?1",
];

const POSTGRES: &[&str] = &[
    "INSERT INTO mcsv_jobs (id, kind, queue, state, attempt, max_attempts, fence, scheduled_at,
        inserted_at, budget_from, attempted_at, attempted_by, finished_at, traceparent, args)
     SELECT id, 'nothing', 'bench', 'completed', 1, 20, 1, id, id, id, id, '1-0.1', id,
        '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
        decode(repeat(md5(id::TEXT), 13), 'hex')
     FROM generate_series(1, $1) AS id",
    "INSERT INTO mcsv_job_events (job_id, at, transition, state, attempt)
     SELECT id, id, 'enqueued', 'available', 0 FROM mcsv_jobs WHERE id <= $1",
    "INSERT INTO mcsv_job_events (job_id, at, transition, state, attempt)
     SELECT id, id, 'completed', 'completed', 1 FROM mcsv_jobs WHERE id <= $1",
];
