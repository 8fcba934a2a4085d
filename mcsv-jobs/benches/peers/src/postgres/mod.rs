//! Queues on one server with its own settings: a commit is on disk before it is answered.

mod apalis;
mod bare;
mod child;
mod enqueue;

use std::sync::OnceLock;

use mcsv_jobs::testing::{Database, PostgresServer};
use mcsv_jobs::{Job, Jobs};

use crate::BoxError;
use crate::case::{self, Case, Took};
use crate::job::{drain, drain_of, fill, fill_with, fleeting, passing};

pub(crate) async fn measure(jobs: u32, words: &[&str]) -> Result<(), BoxError> {
    let cases = [
        Case { name: "bare loop, batch 500", run: |jobs| Box::pin(bare::drain(jobs, 500)) },
        Case { name: "mcsv-jobs, concurrency 500", run: |jobs| Box::pin(ours(jobs, 500)) },
        Case {
            name: "mcsv-jobs, concurrency 500, deleting",
            run: |jobs| Box::pin(deleting(jobs, 500, passing, "")),
        },
        Case {
            name: "mcsv-jobs, concurrency 500, forgetting",
            run: |jobs| Box::pin(deleting(jobs, 500, fleeting, "")),
        },
        // As many as graphile-worker's four processes hold with a local queue of 500 each.
        Case { name: "mcsv-jobs, concurrency 2000", run: |jobs| Box::pin(ours(jobs, 2_000)) },
        Case {
            name: "mcsv-jobs, concurrency 2000, deleting",
            run: |jobs| Box::pin(deleting(jobs, 2_000, passing, "")),
        },
        Case {
            name: "mcsv-jobs, concurrency 2000, forgetting",
            run: |jobs| Box::pin(deleting(jobs, 2_000, fleeting, "")),
        },
        Case {
            name: "mcsv-jobs, beside an open transaction",
            run: |jobs| Box::pin(deleting(jobs, 500, passing, OLD_SNAPSHOT)),
        },
        Case { name: "mcsv-jobs, concurrency 128", run: |jobs| Box::pin(ours(jobs, 128)) },
        Case { name: "mcsv-jobs, concurrency 10", run: |jobs| Box::pin(ours(jobs, 10)) },
        Case {
            name: "graphile-worker, tuned",
            run: |jobs| Box::pin(child::graphile(jobs, "tuned")),
        },
        Case {
            name: "graphile-worker, beside an open transaction",
            run: |jobs| Box::pin(child::graphile(jobs, "tuned beside-a-transaction")),
        },
        Case {
            name: "graphile-worker, default",
            run: |jobs| Box::pin(child::graphile(jobs.min(3_000), "default")),
        },
        Case { name: "awa, tuned", run: |jobs| Box::pin(child::awa(jobs, "tuned")) },
        Case { name: "awa, default", run: |jobs| Box::pin(child::awa(jobs, "default")) },
        Case { name: "apalis-postgres, default", run: |_| Box::pin(apalis::drain(5_000, 10)) },
        Case { name: "apalis-postgres, batch 500", run: |_| Box::pin(apalis::drain(10_000, 500)) },
    ];
    case::measure("PostgreSQL, drain", &cases, jobs, words).await?;
    let cases = [
        Case {
            name: "enqueue apalis-postgres, one caller",
            run: |_| Box::pin(apalis::enqueue(1_000)),
        },
        Case { name: "enqueue, one caller", run: |_| Box::pin(enqueue::ours(1_000, 1)) },
        Case { name: "enqueue, 64 callers", run: |_| Box::pin(enqueue::ours(8_000, 64)) },
        Case { name: "enqueue_all, 1,000 at a time", run: |_| Box::pin(enqueue::bulk(20_000)) },
    ];
    case::measure("PostgreSQL, enqueue", &cases, jobs, words).await
}

/// An empty database of the one server.
pub(crate) async fn database() -> Result<Database, BoxError> {
    static SERVER: OnceLock<Option<PostgresServer>> = OnceLock::new();
    let start =
        || SERVER.get_or_init(|| PostgresServer::start_durable().expect("a server that starts"));
    match tokio::task::spawn_blocking(start).await? {
        Some(server) => server.database().await,
        None => Err("no PostgreSQL below /usr/lib/postgresql".into()),
    }
}

async fn ours(count: u32, concurrency: usize) -> Result<Took, BoxError> {
    let database = database().await?;
    let jobs = Jobs::connect(database.url()).await?;
    fill(&jobs, count).await?;
    vacuum(database.url()).await?;
    Ok(Took { jobs: count, time: drain(&jobs, count, concurrency).await? })
}

/// With the rows deleted when they are done, as graphile-worker does it.
async fn deleting<J: Job>(
    count: u32,
    concurrency: usize,
    make: fn() -> J,
    meanwhile: &'static str,
) -> Result<Took, BoxError> {
    let database = database().await?;
    let jobs = Jobs::connect(database.url()).await?;
    fill_with(&jobs, count, make).await?;
    vacuum(database.url()).await?;
    let mut other = <sqlx::PgConnection as sqlx::Connection>::connect(database.url()).await?;
    sqlx::raw_sql(meanwhile).execute(&mut other).await?;
    Ok(Took { jobs: count, time: drain_of::<J>(&jobs, count, concurrency).await? })
}

/// A snapshot that is older than all that is done, as a report or a dump keeps it: until it is gone the
/// server keeps what is deleted.
const OLD_SNAPSHOT: &str = "BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT 1 FROM mcsv_jobs LIMIT 1";

/// What autovacuum would have done to a queue that has lived for a while.
pub(crate) async fn vacuum(url: &str) -> Result<(), BoxError> {
    let mut conn = <sqlx::PgConnection as sqlx::Connection>::connect(url).await?;
    sqlx::raw_sql("VACUUM ANALYZE").execute(&mut conn).await?;
    sqlx::raw_sql("CHECKPOINT").execute(&mut conn).await?;
    Ok(())
}
