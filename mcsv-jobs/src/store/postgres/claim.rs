use std::time::Duration;

use sqlx::postgres::PgRow;
use sqlx::{Connection as _, FromRow, PgConnection, Row as _};
use tokio::time::{Instant, timeout};

use super::connect::{give_up, patience};
use super::frontier::Place;
use super::{PostgresStore, limit};
use crate::Error;
use crate::new_job::{from_millis, millis};
use crate::store::{Claim, ClaimReply, Claimed, claim_limited};

impl FromRow<'_, PgRow> for Claimed {
    fn from_row(row: &PgRow) -> Result<Self, sqlx::Error> {
        let started_at: i64 = row.try_get("attempted_at")?;
        let budget_from: i64 = row.try_get("budget_from")?;
        Ok(Claimed {
            id: row.try_get("id")?,
            fence: row.try_get("fence")?,
            kind: row.try_get("kind")?,
            args: row.try_get("args")?,
            attempt: number(row, "attempt")?,
            max_attempts: number(row, "max_attempts")?,
            inserted_at: row.try_get("inserted_at")?,
            scheduled_at: row.try_get("scheduled_at")?,
            started_at,
            age: from_millis(started_at - budget_from),
            traceparent: row.try_get("traceparent")?,
            tracestate: row.try_get("tracestate")?,
            batch_id: row.try_get("batch_id")?,
            chain: row.try_get("chain")?,
            key_id: row.try_get("key_id")?,
            is_logged: row.try_get("is_logged")?,
        })
    }
}

/// A count: the server has no unsigned numbers.
pub(super) fn number(row: &PgRow, column: &str) -> Result<u32, sqlx::Error> {
    Ok(u32::try_from(row.try_get::<i32, _>(column)?).unwrap_or(0))
}

/// How soon to look again where another worker was about to take what is there.
const AGAIN: i64 = 20;

/// Three index ranges, each cut at the limit, so neither a million scheduled jobs nor a million finished
/// ones make it slower: what is more urgent than a [`Place`], what comes after it, and what is due from its
/// time on. Rows that another worker is about to take are skipped.
///
/// MATERIALIZED: a planner that runs a locking subquery again would claim more than the limit, and one
/// that reads the clock again could let a job start before it is due.
///
/// Whatever happened to the rows had been committed before, so its events count to transactions with smaller
/// numbers than this one.
///
/// The rows are locked, so they are found again by their places in the table, which takes less than a
/// search for each id. One that was changed just before it was locked has a new place that the statement
/// does not see: the next claim takes it.
///
/// It does not wait for the disk, for this transaction alone, and without a round trip of its own: the
/// claim is in the log of the server, and on disk with the next commit that waits, or within a second.
///
/// A crash of the server may take it back, with its event and the count of its attempt: the job is as
/// it was before, and runs again. That is what becomes of a job whose worker is lost, and of one that a
/// fail-over to a replica takes back. Nobody was told of the claim but a worker, whose outcome is
/// refused then: the job waits, or another owner has it.
const CLAIM: &str = "WITH clock AS MATERIALIZED (
        SELECT mcsv_jobs_now() AS now
     ), urgent AS MATERIALIZED (
        SELECT ctid AS place, id, priority, scheduled_at FROM mcsv_jobs
        WHERE queue = $1 AND state = 'available' AND priority > $5
            AND NOT EXISTS (SELECT 1 FROM mcsv_job_pauses WHERE queue = $1)
            AND NOT EXISTS (SELECT 1 FROM mcsv_job_limits WHERE queue = $1)
        ORDER BY priority DESC, scheduled_at, id LIMIT $2 FOR UPDATE SKIP LOCKED
     ), later AS MATERIALIZED (
        SELECT ctid AS place, id, priority, scheduled_at FROM mcsv_jobs
        WHERE queue = $1 AND state = 'available'
            AND priority = $5 AND (scheduled_at, id) > ($6, $7)
            AND NOT EXISTS (SELECT 1 FROM mcsv_job_pauses WHERE queue = $1)
            AND NOT EXISTS (SELECT 1 FROM mcsv_job_limits WHERE queue = $1)
        ORDER BY scheduled_at, id LIMIT $2 FOR UPDATE SKIP LOCKED
     ), due AS MATERIALIZED (
        SELECT ctid AS place, id, priority, scheduled_at FROM mcsv_jobs
        WHERE queue = $1 AND state IN ('scheduled', 'retryable')
            AND NOT EXISTS (SELECT 1 FROM mcsv_job_pauses WHERE queue = $1)
            AND NOT EXISTS (SELECT 1 FROM mcsv_job_limits WHERE queue = $1)
            AND scheduled_at BETWEEN $8 AND (SELECT now FROM clock)
        ORDER BY scheduled_at LIMIT $2 FOR UPDATE SKIP LOCKED
     ), picked AS MATERIALIZED (
        SELECT place FROM (SELECT * FROM urgent UNION ALL SELECT * FROM later
            UNION ALL SELECT * FROM due) AS all_ranges
        ORDER BY priority DESC, scheduled_at, id LIMIT $2
     ), claimed AS (
        UPDATE mcsv_jobs AS job SET state = 'executing', fence = fence + 1,
            attempt = attempt + 1, lease_owner = $3, attempted_by = $3,
            attempted_at = clock.now, lease_until = clock.now + $4,
            logged_in = CASE WHEN is_logged THEN pg_current_xact_id() ELSE '0' END
        FROM clock
        WHERE job.ctid = ANY (ARRAY(SELECT place FROM picked))
        RETURNING id, fence, kind, args, attempt, max_attempts, inserted_at, scheduled_at,
            attempted_at, budget_from, traceparent, tracestate, batch_id, chain, key_id,
            is_logged, priority
     ), logged AS (
        INSERT INTO mcsv_job_events (job_id, at, transition, state, attempt, worker)
        SELECT id, attempted_at, 'started', 'executing', attempt, $3 FROM claimed
        WHERE is_logged
     )
     SELECT id, fence, kind, args, attempt, max_attempts, inserted_at, scheduled_at,
        attempted_at, budget_from, traceparent, tracestate, batch_id, chain, key_id, is_logged,
        priority, (SELECT max(scheduled_at) FROM due) AS due_until
     FROM claimed
     WHERE (SELECT set_config('synchronous_commit', 'off', true)) = 'off'
     ORDER BY priority DESC, scheduled_at, id";

impl PostgresStore {
    pub(in crate::store) async fn claim(&self, claim: Claim) -> Result<ClaimReply, Error> {
        let mut conn = self.engine().acquire().await?;
        let silent = patience(claim.lease);
        match timeout(silent, self.look_for_work(&mut conn, &claim)).await {
            Ok(reply) => Ok(reply?),
            Err(_) => Err(give_up(conn, silent)),
        }
    }

    /// A claim is one statement, which needs no transaction around it: one round trip where there is
    /// enough to do.
    async fn look_for_work(
        &self,
        conn: &mut PgConnection,
        claim: &Claim,
    ) -> Result<ClaimReply, sqlx::Error> {
        if claim.is_sure
            && let Some(place) = self.frontiers.of(&claim.queue)
        {
            let rows = claim_after(conn, claim, place).await?;
            if let Some(last) = rows.last() {
                self.frontiers.moved(&claim.queue, place.moved_to(last)?);
                // There may be more before that place.
                return started(&rows, claim, 0);
            }
        }
        let since = Instant::now();
        let rows = claim_after(conn, claim, Place::BEGINNING).await?;
        if let Some(last) = rows.last() {
            let place = Place::BEGINNING.moved_to(last)?;
            self.frontiers.found(&claim.queue, place, since.elapsed());
            return started(&rows, claim, AGAIN);
        }
        let (limited, next_due) = rest(conn, &claim.queue).await?;
        let mut reply = ClaimReply { next_due, ..ClaimReply::default() };
        if limited {
            let mut tx = conn.begin().await?;
            match limit::of(&mut tx, &claim.queue).await? {
                Some(limits) => claim_limited(&mut *tx, claim, &limits, &mut reply).await?,
                // They were taken away just now.
                None => reply.look_within(Some(0)),
            }
            tx.commit().await?;
        }
        Ok(reply)
    }
}

async fn claim_after(
    conn: &mut PgConnection,
    claim: &Claim,
    place: Place,
) -> Result<Vec<PgRow>, sqlx::Error> {
    sqlx::query(CLAIM)
        .bind(&claim.queue)
        .bind(i64::try_from(claim.room).unwrap_or(i64::MAX))
        .bind(&claim.owner)
        .bind(millis(claim.lease))
        .bind(place.priority)
        .bind(place.scheduled_at)
        .bind(place.id)
        .bind(place.due_from)
        .fetch_all(conn)
        .await
}

/// They start now, and not a question later. Their ends or the clock look for more: within `again`
/// milliseconds where there is room for it.
fn started(rows: &[PgRow], claim: &Claim, again: i64) -> Result<ClaimReply, sqlx::Error> {
    let claimed = rows.iter().map(Claimed::from_row).collect::<Result<Vec<_>, _>>()?;
    let next_due = (claimed.len() < claim.room).then_some(again);
    Ok(ClaimReply { claimed, next_due, limited: false })
}

/// Whether the queue has limits, and the milliseconds until there may be something to claim.
///
/// What is there already was locked by another worker, who need not take it: look again soon.
async fn rest(conn: &mut PgConnection, queue: &str) -> Result<(bool, Option<i64>), sqlx::Error> {
    sqlx::query_as(
        "SELECT EXISTS (SELECT 1 FROM mcsv_job_limits WHERE queue = $1), CASE
            WHEN EXISTS (SELECT 1 FROM mcsv_job_pauses WHERE queue = $1) THEN NULL
            WHEN EXISTS (SELECT 1 FROM mcsv_jobs WHERE queue = $1 AND state = 'available') THEN $2
            ELSE (SELECT greatest($2, scheduled_at - mcsv_jobs_now()) FROM mcsv_jobs
                WHERE queue = $1 AND state IN ('scheduled', 'retryable')
                ORDER BY scheduled_at LIMIT 1)
            END",
    )
    .bind(queue)
    .bind(AGAIN)
    .fetch_one(conn)
    .await
}

/// Starts those of these jobs that still wait.
pub(super) async fn take(
    conn: &mut PgConnection,
    ids: &[i64],
    owner: &str,
    lease: Duration,
) -> Result<Vec<Claimed>, sqlx::Error> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    sqlx::query_as(
        "WITH claimed AS (
            UPDATE mcsv_jobs AS job SET state = 'executing', fence = fence + 1,
                attempt = attempt + 1, lease_owner = $2, attempted_by = $2,
                attempted_at = clock.now, lease_until = clock.now + $3,
                logged_in = CASE WHEN is_logged THEN greatest(logged_in, pg_current_xact_id())
                    ELSE '0' END
            FROM (SELECT mcsv_jobs_now() AS now) AS clock
            WHERE job.id = ANY ($1) AND state IN ('available', 'scheduled', 'retryable')
            RETURNING id, fence, kind, args, attempt, max_attempts, inserted_at, scheduled_at,
                attempted_at, budget_from, traceparent, tracestate, batch_id, chain, key_id,
                is_logged, logged_in, priority
         ), logged AS (
            INSERT INTO mcsv_job_events (job_id, at, transition, state, attempt, worker,
                transaction_id)
            SELECT id, attempted_at, 'started', 'executing', attempt, $2, logged_in FROM claimed
            WHERE is_logged
         )
         SELECT id, fence, kind, args, attempt, max_attempts, inserted_at, scheduled_at,
            attempted_at, budget_from, traceparent, tracestate, batch_id, chain,
            key_id, is_logged
         FROM claimed ORDER BY priority DESC, scheduled_at, id",
    )
    .bind(ids)
    .bind(owner)
    .bind(millis(lease))
    .fetch_all(conn)
    .await
}
