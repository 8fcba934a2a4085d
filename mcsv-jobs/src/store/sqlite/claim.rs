use std::time::Duration;

use serde::Deserialize;
use sqlx::SqliteConnection;

use super::enqueue::json;
use super::now;
use crate::store::{Claimed, unhex};

/// How many jobs travel as one text: each row of an answer wakes the task that waits for it, which
/// takes longer than to read the job. It bounds the text, of jobs with the largest arguments.
const TOGETHER: usize = 64;

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
    let ids: String = sqlx::query_scalar(concat!(
        "SELECT json_group_array(id) FROM (SELECT id FROM (
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
         ORDER BY priority DESC, scheduled_at, id LIMIT ?2)"
    ))
    .bind(queue)
    .bind(i64::try_from(limit).unwrap_or(i64::MAX))
    .fetch_one(&mut *conn)
    .await?;
    take(conn, &parse::<Vec<i64>>(&ids)?, owner, lease).await
}

/// Starts these jobs, which nobody can have taken since they were found; the answers are in their
/// order.
pub(super) async fn take(
    conn: &mut SqliteConnection,
    ids: &[i64],
    owner: &str,
    lease: Duration,
) -> Result<Vec<Claimed>, sqlx::Error> {
    let mut claimed = Vec::with_capacity(ids.len());
    for ids in ids.chunks(TOGETHER) {
        claimed.extend(start(conn, ids, owner, lease).await?);
    }
    Ok(claimed)
}

/// The columns of a started job in the order in which they are read.
#[derive(Deserialize)]
struct Started {
    id: i64,
    fence: i64,
    kind: String,
    #[serde(deserialize_with = "unhex")]
    args: Vec<u8>,
    attempt: u32,
    max_attempts: u32,
    inserted_at: i64,
    scheduled_at: i64,
    attempted_at: i64,
    budget_from: i64,
    traceparent: Option<String>,
    tracestate: Option<String>,
    batch_id: Option<i64>,
    chain: Option<String>,
    key_id: Option<String>,
}

async fn start(
    conn: &mut SqliteConnection,
    ids: &[i64],
    owner: &str,
    lease: Duration,
) -> Result<Vec<Claimed>, sqlx::Error> {
    // One trip to the thread that has the database: it takes longer than the statements.
    let jobs: String = sqlx::query_scalar(concat!(
        "UPDATE mcsv_jobs SET state = 'executing', fence = fence + 1, attempt = attempt + 1,
            lease_owner = ?2, attempted_by = ?2, attempted_at = ",
        now!(),
        ", lease_until = ?3 + ",
        now!(),
        " WHERE id IN (SELECT value FROM json_each(?1));
         INSERT INTO mcsv_job_events (job_id, at, transition, state, attempt, worker)
         SELECT mcsv_jobs.id, attempted_at, 'started', state, attempt, lease_owner
         FROM json_each(?1) JOIN mcsv_jobs ON mcsv_jobs.id = value;
         SELECT json_group_array(json_array(id, fence, kind, hex(args), attempt, max_attempts,
            inserted_at, scheduled_at, attempted_at, budget_from, traceparent, tracestate, batch_id,
            chain, key_id) ORDER BY place)
         FROM (SELECT key AS place, mcsv_jobs.*
            FROM json_each(?1) JOIN mcsv_jobs ON mcsv_jobs.id = value)"
    ))
    .bind(json(ids)?)
    .bind(owner)
    .bind(crate::new_job::millis(lease))
    .fetch_one(conn)
    .await?;
    let jobs: Vec<Started> = parse(&jobs)?;
    Ok(jobs.into_iter().map(Claimed::from).collect())
}

impl From<Started> for Claimed {
    fn from(job: Started) -> Self {
        let age = u64::try_from(job.attempted_at - job.budget_from).unwrap_or(0);
        Claimed {
            id: job.id,
            fence: job.fence,
            kind: job.kind,
            args: job.args,
            attempt: job.attempt,
            max_attempts: job.max_attempts,
            inserted_at: job.inserted_at,
            scheduled_at: job.scheduled_at,
            started_at: job.attempted_at,
            age: Duration::from_millis(age),
            traceparent: job.traceparent,
            tracestate: job.tracestate,
            batch_id: job.batch_id,
            chain: job.chain,
            key_id: job.key_id,
        }
    }
}

fn parse<'a, T: Deserialize<'a>>(text: &'a str) -> Result<T, sqlx::Error> {
    serde_json::from_str(text).map_err(|cause| sqlx::Error::Decode(cause.into()))
}
