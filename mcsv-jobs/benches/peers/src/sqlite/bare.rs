//! The engine's own statements in a loop that does nothing else.

use std::time::Duration;

use mcsv_jobs::Jobs;
use rusqlite::{Connection, TransactionBehavior, params};
use tokio::time::Instant;

use crate::BoxError;
use crate::case::Took;
use crate::job::fill;

/// Claims, with the rows as the answer: what the engine does in two statements, because a row costs
/// it more than this loop.
const CLAIM: &str = include_str!("claim.sql");
const LOG_CLAIM: &str = include_str!("log_claim.sql");
/// Ends it.
const SETTLE: &str = include_str!("settle.sql");
const LOG_SETTLE: &str = include_str!("log_settle.sql");

pub(crate) async fn drain(count: u32, batch: usize) -> Result<Took, BoxError> {
    let folder = tempfile::tempdir()?;
    let jobs = Jobs::connect(&super::url(&folder)).await?;
    fill(&jobs, count).await?;
    drop(jobs);
    let file = folder.path().join("jobs.db");
    let time = tokio::task::spawn_blocking(move || run(&file, batch)).await??;
    let left: u32 = Connection::open(folder.path().join("jobs.db"))?.query_row(
        "SELECT count(*) FROM mcsv_jobs WHERE state <> 'completed'",
        [],
        |row| row.get(0),
    )?;
    if left > 0 {
        return Err(format!("{left} are not completed").into());
    }
    Ok(Took { jobs: count, time })
}

pub(super) fn open(file: &std::path::Path) -> Result<Connection, BoxError> {
    let conn = Connection::open(file)?;
    conn.execute_batch(
        "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON",
    )?;
    conn.set_prepared_statement_cache_capacity(64);
    Ok(conn)
}

fn run(file: &std::path::Path, batch: usize) -> Result<Duration, BoxError> {
    let mut conn = open(file)?;
    let start = Instant::now();
    let mut done: Vec<(i64, i64)> = Vec::new();
    loop {
        let tx = conn.transaction_with_behavior(TransactionBehavior::Immediate)?;
        if !done.is_empty() {
            settle(&tx, &done)?;
        }
        done = claim(&tx, batch)?;
        tx.commit()?;
        if done.is_empty() {
            return Ok(start.elapsed());
        }
    }
}

fn settle(conn: &Connection, done: &[(i64, i64)]) -> Result<(), BoxError> {
    let ids: Vec<i64> = done.iter().map(|(id, _)| *id).collect();
    let ids = serde_json::to_string(&ids)?;
    let now: i64 = conn
        .prepare_cached("SELECT CAST(unixepoch('subsec') * 1000 AS INTEGER)")?
        .query_row([], |row| row.get(0))?;
    let logged = conn.prepare_cached(LOG_SETTLE)?.execute(params![ids, done[0].1, now])?;
    if logged != done.len() {
        return Err("a fence was lost in a loop of one".into());
    }
    conn.prepare_cached(SETTLE)?.execute(params![ids, now])?;
    Ok(())
}

fn claim(conn: &Connection, batch: usize) -> Result<Vec<(i64, i64)>, BoxError> {
    let claimed = conn
        .prepare_cached(CLAIM)?
        .query_map(params!["bench", "bare.1", 30_000, i64::try_from(batch)?], |row| {
            // The arguments are read as a worker would.
            let _: Vec<u8> = row.get("args")?;
            Ok((row.get("id")?, row.get("fence")?))
        })?
        .collect::<Result<Vec<(i64, i64)>, _>>()?;
    if !claimed.is_empty() {
        let ids: Vec<i64> = claimed.iter().map(|(id, _)| *id).collect();
        conn.prepare_cached(LOG_CLAIM)?.execute([serde_json::to_string(&ids)?])?;
    }
    Ok(claimed)
}
