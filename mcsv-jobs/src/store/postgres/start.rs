use std::sync::Arc;

use sqlx::pool::PoolConnection;
use sqlx::{PgConnection, Postgres};
use tokio::time::timeout;

use super::PostgresStore;
use super::connect::{SERIALIZATION_FAILURE, give_up, is_of, patience};
use super::detach::Detach;
use super::enqueue::column;
use crate::Error;
use crate::store::{Claim, ClaimReply, Claimed, Inserted, Offer, Offered, Row};

/// How soon to look for what else there is to start.
const AGAIN: i64 = 20;

/// Jobs that start as they are inserted, unless something else of their queue would have to start before
/// them, or the queue lets nothing start just so. One statement: the jobs and both their events, or nothing.
const START: &str = "WITH clock AS MATERIALIZED (
        SELECT mcsv_jobs_now() AS now
     ), free AS MATERIALIZED (
        SELECT now, CASE WHEN NOT EXISTS (
                SELECT 1 FROM mcsv_jobs WHERE queue = $1 AND state = 'available')
            AND NOT EXISTS (SELECT 1 FROM mcsv_jobs WHERE queue = $1
                AND state IN ('scheduled', 'retryable') AND scheduled_at <= now)
            AND NOT EXISTS (SELECT 1 FROM mcsv_job_pauses WHERE queue = $1)
            AND NOT EXISTS (SELECT 1 FROM mcsv_job_limits WHERE queue = $1)
            THEN 1 ELSE 0 END AS starts
        FROM clock
     ), batch AS MATERIALIZED (
        SELECT nextval(pg_get_serial_sequence('mcsv_jobs', 'id')) AS id, free.*, given.*
        FROM free, unnest($4::TEXT[], $5::INTEGER[], $6::INTEGER[], $7::TEXT[], $8::TEXT[],
            $9::BYTEA[], $10::TEXT[], $11::BIGINT[], $12::TEXT[], $13::TEXT[], $14::BOOLEAN[])
            WITH ORDINALITY AS given (kind, priority, max_attempts, traceparent, tracestate, args,
            partition_key, batch_id, chain, key_id, is_logged, place)
     ), inserted AS (
        INSERT INTO mcsv_jobs (id, kind, queue, priority, max_attempts, traceparent, tracestate, args,
            partition_key, batch_id, chain, key_id, is_logged, logged_in, scheduled_at, inserted_at,
            budget_from, fence, attempt, state, attempted_at, attempted_by, lease_owner, lease_until)
        SELECT id, kind, $1, priority, max_attempts, traceparent, tracestate, args,
            partition_key, batch_id, chain, key_id, is_logged,
            CASE WHEN is_logged THEN pg_current_xact_id() ELSE '0' END, now, now, now, starts, starts,
            CASE starts WHEN 1 THEN 'executing' ELSE 'available' END,
            CASE starts WHEN 1 THEN now END, CASE starts WHEN 1 THEN $2 END,
            CASE starts WHEN 1 THEN $2 END, CASE starts WHEN 1 THEN now + $3 END
        FROM batch ORDER BY place
        RETURNING id, inserted_at, fence, is_logged
     ), logged AS (
        INSERT INTO mcsv_job_events (job_id, at, transition, state, attempt, worker)
        SELECT id, inserted_at, transition, state, attempt, worker FROM (
            SELECT id, inserted_at, 0 AS step, 'enqueued' AS transition, 'available' AS state,
                0 AS attempt, '' AS worker FROM inserted WHERE is_logged
            UNION ALL
            SELECT id, inserted_at, 1, 'started', 'executing', 1, $2 FROM inserted
            WHERE fence = 1 AND is_logged
        ) AS events ORDER BY id, step
     )
     SELECT id, now, starts = 1 FROM batch ORDER BY place";

impl PostgresStore {
    /// Has a claim join the next statement of this process that enqueues jobs for it.
    pub(in crate::store) fn offer(&self, claim: Claim) -> Offer {
        self.offers.add(claim)
    }

    /// Inserts jobs, which start in the same statement where a driver of this process has nothing to do but
    /// to wait for them. That saves the round trip of its claim.
    pub(in crate::store) async fn insert_or_start(
        &self,
        rows: Vec<Row>,
    ) -> Result<Vec<Inserted>, Error> {
        if !self.offers.has_for(&rows) {
            return self.insert(rows).await;
        }
        let conn = self.callers.acquire().await?;
        // Not before: its driver claims nothing else meanwhile, and a connection can be long in coming.
        let Some(Offered { claim, reply }) = self.offers.take_for(&rows) else {
            drop(conn);
            return self.insert(rows).await;
        };
        let rows: Arc<[Row]> = rows.into();
        let given = Arc::clone(&rows);
        // Jobs that have started are to be heard of, whatever becomes of the caller.
        let starting = Detach::new(async move {
            let (answer, heard) = match start(conn, &given, &claim).await {
                Ok(Some((inserted, claimed))) => (Ok(Some(inserted)), Ok(found(claimed))),
                Ok(None) => (Ok(None), Ok(found(Vec::new()))),
                Err(error) => {
                    let heard = Err(error.again());
                    (Err(error), heard)
                }
            };
            // A driver that is gone leaves its jobs to others, as with any claim.
            let _ = reply.send(heard);
            answer
        });
        match starting.await? {
            Some(inserted) => Ok(inserted),
            None => self.insert(rows.to_vec()).await,
        }
    }
}

fn found(claimed: Vec<Claimed>) -> ClaimReply {
    let next_due = Some(if claimed.is_empty() { 0 } else { AGAIN });
    ClaimReply { claimed, next_due, limited: false }
}

type Started = (Vec<Inserted>, Vec<Claimed>);

/// None where nothing was inserted, for a reason that is none against inserting them.
async fn start(
    mut conn: PoolConnection<Postgres>,
    rows: &[Row],
    claim: &Claim,
) -> Result<Option<Started>, Error> {
    // As long as any claim: who waits for it is a driver.
    let silent = patience(claim.lease);
    match timeout(silent, start_on(&mut conn, rows, claim)).await {
        Ok(Err(error)) if is_conflict(&error) => Ok(None),
        Ok(started) => Ok(Some(started?)),
        Err(_) => Err(give_up(conn, silent)),
    }
}

/// Callers may have a stricter isolation by default, in which to look and to insert can be too much at once.
fn is_conflict(error: &sqlx::Error) -> bool {
    is_of(error, SERIALIZATION_FAILURE)
}

async fn start_on(
    conn: &mut PgConnection,
    rows: &[Row],
    claim: &Claim,
) -> Result<Started, sqlx::Error> {
    let given: Vec<&Row> = rows.iter().collect();
    let made: Vec<(i64, i64, bool)> = sqlx::query_as(START)
        .bind(&claim.queue)
        .bind(&claim.owner)
        .bind(crate::new_job::millis(claim.lease))
        .bind(column(&given, |row| row.kind.clone()))
        .bind(column(&given, |row| row.priority))
        .bind(column(&given, |row| i32::try_from(row.max_attempts).unwrap_or(i32::MAX)))
        .bind(column(&given, |row| row.traceparent.clone()))
        .bind(column(&given, |row| row.tracestate.clone()))
        .bind(column(&given, |row| row.args.clone()))
        .bind(column(&given, |row| row.partition_key.clone()))
        .bind(column(&given, |row| row.batch_id))
        .bind(column(&given, |row| row.chain.clone()))
        .bind(column(&given, |row| row.key_id.clone()))
        .bind(column(&given, |row| row.is_logged))
        .fetch_all(conn)
        .await?;
    let mut inserted = Vec::with_capacity(rows.len());
    let mut claimed = Vec::new();
    for (row, (id, now, has_started)) in rows.iter().zip(made) {
        if has_started {
            claimed.push((row.priority, Claimed::at_once(row, id, now)));
        }
        inserted.push(Inserted { has_started, ..Inserted::new(id, true)? });
    }
    // As a claim has them.
    claimed.sort_by_key(|(priority, _)| std::cmp::Reverse(*priority));
    Ok((inserted, claimed.into_iter().map(|(_, job)| job).collect()))
}
