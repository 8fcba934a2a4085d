//! Queues in a file, each with `synchronous = FULL` where its name does not say otherwise.

mod apalis;
mod bare;
mod enqueue;
mod honker;

use mcsv_jobs::{Job, Jobs};
use tempfile::TempDir;

use crate::BoxError;
use crate::case::{self, Case, Took};
use crate::job::{drain, drain_of, fill, fill_with, fleeting, passing};

pub(crate) async fn measure(jobs: u32, words: &[&str]) -> Result<(), BoxError> {
    let cases = [
        Case { name: "bare rusqlite, batch 128", run: |jobs| Box::pin(bare::drain(jobs, 128)) },
        Case { name: "mcsv-jobs, concurrency 128", run: |jobs| Box::pin(ours(jobs, 128)) },
        Case { name: "bare rusqlite, batch 500", run: |jobs| Box::pin(bare::drain(jobs, 500)) },
        Case { name: "mcsv-jobs, concurrency 500", run: |jobs| Box::pin(ours(jobs, 500)) },
        Case {
            name: "mcsv-jobs, concurrency 128, deleting",
            run: |jobs| Box::pin(deleting(jobs, passing)),
        },
        Case {
            name: "mcsv-jobs, concurrency 128, forgetting",
            run: |jobs| Box::pin(deleting(jobs, fleeting)),
        },
        Case { name: "mcsv-jobs, concurrency 10", run: |jobs| Box::pin(ours(jobs, 10)) },
        Case { name: "honker, batch 128", run: |jobs| Box::pin(honker::drain(jobs, "FULL")) },
        Case {
            name: "honker, batch 128, NORMAL",
            run: |jobs| Box::pin(honker::drain(jobs, "NORMAL")),
        },
        Case { name: "apalis-sqlite, default", run: |_| Box::pin(apalis::drain(2_000, 10)) },
        Case { name: "apalis-sqlite, batch 500", run: |_| Box::pin(apalis::drain(5_000, 500)) },
    ];
    case::measure("SQLite, drain", &cases, jobs, words).await?;
    let cases = [
        Case { name: "enqueue, one caller", run: |_| Box::pin(enqueue::ours(2_000, 1)) },
        Case { name: "enqueue, 64 callers", run: |_| Box::pin(enqueue::ours(16_000, 64)) },
        Case { name: "enqueue_all, 500 at a time", run: |_| Box::pin(enqueue::bulk(20_000)) },
        Case { name: "bare rusqlite, one per commit", run: |_| Box::pin(enqueue::bare(2_000)) },
        Case { name: "enqueue honker, one caller", run: |_| Box::pin(honker::enqueue(2_000)) },
        Case {
            name: "enqueue apalis-sqlite, one caller",
            run: |_| Box::pin(apalis::enqueue(2_000)),
        },
    ];
    case::measure("SQLite, enqueue", &cases, jobs, words).await
}

pub(crate) fn url(folder: &TempDir) -> String {
    format!("sqlite://{}", folder.path().join("jobs.db").display())
}

async fn ours(count: u32, concurrency: usize) -> Result<Took, BoxError> {
    let folder = tempfile::tempdir()?;
    let jobs = Jobs::connect(&url(&folder)).await?;
    fill(&jobs, count).await?;
    Ok(Took { jobs: count, time: drain(&jobs, count, concurrency).await? })
}

/// With the rows deleted when they are done, as honker does it.
async fn deleting<J: Job>(count: u32, make: fn() -> J) -> Result<Took, BoxError> {
    let folder = tempfile::tempdir()?;
    let jobs = Jobs::connect(&url(&folder)).await?;
    fill_with(&jobs, count, make).await?;
    Ok(Took { jobs: count, time: drain_of::<J>(&jobs, count, 128).await? })
}
