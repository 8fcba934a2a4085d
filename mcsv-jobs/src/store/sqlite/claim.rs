use std::collections::HashMap;
use std::time::Duration;

use sqlx::SqliteConnection;
use sqlx::sqlite::SqliteRow;
use sqlx::{FromRow, Row as _};

use super::enqueue::json;
use super::now;
use crate::store::Claimed;

impl FromRow<'_, SqliteRow> for Claimed {
    fn from_row(row: &SqliteRow) -> Result<Self, sqlx::Error> {
        let started_at: i64 = row.try_get("attempted_at")?;
        let budget_from: i64 = row.try_get("budget_from")?;
        let age = u64::try_from(started_at - budget_from).unwrap_or(0);
        Ok(Claimed {
            id: row.try_get("id")?,
            fence: row.try_get("fence")?,
            kind: row.try_get("kind")?,
            args: row.try_get("args")?,
            attempt: row.try_get("attempt")?,
            max_attempts: row.try_get("max_attempts")?,
            inserted_at: row.try_get("inserted_at")?,
            scheduled_at: row.try_get("scheduled_at")?,
            started_at,
            age: Duration::from_millis(age),
            traceparent: row.try_get("traceparent")?,
            tracestate: row.try_get("tracestate")?,
            batch_id: row.try_get("batch_id")?,
            chain: row.try_get("chain")?,
            key_id: row.try_get("key_id")?,
        })
    }
}

/// Claims up to `limit` jobs of a queue: the ready ones by priority, then the ones that are due.
///
/// Two index ranges, both cut at `limit`, so neither a million scheduled jobs nor a million
/// finished ones make it slower. A queue with limits has its own way: see `limit`.
pub(super) async fn claim(
    conn: &mut SqliteConnection,
    queue: &str,
    owner: &str,
    lease: Duration,
    limit: usize,
) -> Result<Vec<Claimed>, sqlx::Error> {
    let ids: Vec<i64> = sqlx::query_scalar(concat!(
        "SELECT id FROM (
            SELECT * FROM (
                SELECT id, priority, scheduled_at FROM mcsv_jobs
                WHERE queue = ?1 AND state = 'available'
                    AND NOT EXISTS (SELECT 1 FROM mcsv_job_pauses WHERE queue = ?1)
                    AND NOT EXISTS (SELECT 1 FROM mcsv_job_limits WHERE queue = ?1)
                ORDER BY priority DESC, scheduled_at, id LIMIT ?2)
            UNION ALL
            SELECT * FROM (
                SELECT id, priority, scheduled_at FROM mcsv_jobs
                WHERE queue = ?1 AND state IN ('scheduled', 'retryable')
                    AND NOT EXISTS (SELECT 1 FROM mcsv_job_pauses WHERE queue = ?1)
                    AND NOT EXISTS (SELECT 1 FROM mcsv_job_limits WHERE queue = ?1)
                    AND scheduled_at <= ",
        now!(),
        "
                ORDER BY scheduled_at LIMIT ?2))
         ORDER BY priority DESC, scheduled_at, id LIMIT ?2"
    ))
    .bind(queue)
    .bind(i64::try_from(limit).unwrap_or(i64::MAX))
    .fetch_all(&mut *conn)
    .await?;
    take(conn, &ids, owner, lease).await
}

/// Starts these jobs, which nobody can have taken since they were found; the answers are in their
/// order.
pub(super) async fn take(
    conn: &mut SqliteConnection,
    ids: &[i64],
    owner: &str,
    lease: Duration,
) -> Result<Vec<Claimed>, sqlx::Error> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let order: HashMap<i64, usize> = ids.iter().copied().zip(0..).collect();
    let ids = json(ids)?;
    let mut claimed: Vec<Claimed> = sqlx::query_as(concat!(
        "UPDATE mcsv_jobs SET state = 'executing', fence = fence + 1, attempt = attempt + 1,
            lease_owner = ?2, attempted_by = ?2, attempted_at = ",
        now!(),
        ", lease_until = ?3 + ",
        now!(),
        " WHERE id IN (SELECT value FROM json_each(?1))
         RETURNING id, fence, kind, args, attempt, max_attempts, inserted_at, scheduled_at,
            attempted_at, budget_from, traceparent, tracestate, batch_id, chain,
            key_id"
    ))
    .bind(&ids)
    .bind(owner)
    .bind(crate::new_job::millis(lease))
    .fetch_all(&mut *conn)
    .await?;
    sqlx::query(
        "INSERT INTO mcsv_job_events (job_id, at, transition, state, attempt, worker)
         SELECT mcsv_jobs.id, attempted_at, 'started', state, attempt, lease_owner
         FROM json_each(?1) JOIN mcsv_jobs ON mcsv_jobs.id = value",
    )
    .bind(&ids)
    .execute(conn)
    .await?;
    // RETURNING promises no order.
    claimed.sort_by_key(|job| order.get(&job.id).copied());
    Ok(claimed)
}
