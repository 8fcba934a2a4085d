//! One job per answer: what a caller waits for.

use futures_util::future::try_join_all;
use mcsv_jobs::Jobs;
use rusqlite::{TransactionBehavior, params};
use tokio::time::Instant;

use crate::BoxError;
use crate::case::Took;
use crate::job::{fill, nothing};

pub(crate) async fn ours(count: u32, callers: u32) -> Result<Took, BoxError> {
    let folder = tempfile::tempdir()?;
    let jobs = Jobs::connect(&super::url(&folder)).await?;
    let start = Instant::now();
    let caller = |_| async {
        for _ in 0..count / callers {
            jobs.enqueue(nothing()).await?;
        }
        Ok::<_, BoxError>(())
    };
    try_join_all((0..callers).map(caller)).await?;
    Ok(Took { jobs: count, time: start.elapsed() })
}

pub(crate) async fn bulk(count: u32) -> Result<Took, BoxError> {
    let folder = tempfile::tempdir()?;
    let jobs = Jobs::connect(&super::url(&folder)).await?;
    let start = Instant::now();
    fill(&jobs, count).await?;
    Ok(Took { jobs: count, time: start.elapsed() })
}

/// A job's two rows and its id, in the engine's tables, one commit each.
pub(crate) async fn bare(count: u32) -> Result<Took, BoxError> {
    let folder = tempfile::tempdir()?;
    drop(Jobs::connect(&super::url(&folder)).await?);
    let file = folder.path().join("jobs.db");
    tokio::task::spawn_blocking(move || {
        let mut conn = super::bare::open(&file)?;
        let start = Instant::now();
        for _ in 0..count {
            let args = serde_json::to_vec(&nothing())?;
            let tx = conn.transaction_with_behavior(TransactionBehavior::Immediate)?;
            let id: i64 = tx
                .prepare_cached("UPDATE mcsv_job_ids SET last = last + 1 RETURNING last")?
                .query_row([], |row| row.get(0))?;
            tx.prepare_cached(
                "INSERT INTO mcsv_jobs (id, kind, queue, state, max_attempts, scheduled_at,
                    inserted_at, budget_from, traceparent, args)
                 SELECT ?1, 'nothing', 'bench', 'available', 20, now, now, now, ?2, ?3
                 FROM (SELECT CAST(unixepoch('subsec') * 1000 AS INTEGER) AS now)",
            )?
            .execute(params![
                id,
                "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
                args
            ])?;
            tx.prepare_cached(
                "INSERT INTO mcsv_job_events (job_id, at, transition, state, attempt)
                 SELECT id, inserted_at, 'enqueued', state, attempt FROM mcsv_jobs WHERE id = ?1",
            )?
            .execute([id])?;
            tx.commit()?;
        }
        Ok(Took { jobs: count, time: start.elapsed() })
    })
    .await?
}
