use std::collections::HashMap;

use sqlx::PgConnection;

use super::batch::close;
use super::complete::complete;
use super::enqueue::{column, insert};
use super::notify::TELL_EACH;
use super::unlogged::begin_log;
use crate::store::{Accepted, Ack, Row, Settled, completions, ended_batches, unlogged};

/// Writes the ends of the attempts of `owner`, their events and their follow-ups; stale ones change
/// nothing.
///
/// The owner and the beginning of the attempt are a part of the fence. A claim does not wait for the
/// disk, so that a crash of the server can take it back: the next claim then has the same number, of
/// another worker or of the same one.
pub(super) async fn settle(
    conn: &mut PgConnection,
    owner: &str,
    acks: &[&Ack],
) -> Result<Settled, sqlx::Error> {
    let (accepted, ended) = end(conn, owner, acks).await?;
    // After the follow-ups, which may belong to them.
    let completions = close(conn, &ended).await?;
    Ok(Settled { accepted, completions })
}

/// What was accepted, and the batches that it may have ended.
async fn end(
    conn: &mut PgConnection,
    owner: &str,
    acks: &[&Ack],
) -> Result<(Vec<Accepted>, Vec<i64>), sqlx::Error> {
    if acks.is_empty() {
        return Ok(Default::default());
    }
    let (plain, others): (Vec<&Ack>, Vec<&Ack>) =
        acks.iter().copied().partition(|ack| ack.is_plain());
    let mut accepted = update(conn, owner, &others).await?;
    for completions in completions(&plain) {
        let ended = complete(conn, owner, &completions).await?;
        accepted.extend(ended.into_iter().map(|id| (id, None)));
    }
    let mut replies = Vec::with_capacity(accepted.len());
    for ack in acks.iter().filter(|ack| accepted.contains_key(&ack.id)) {
        let rows: Vec<&Row> = ack.follow_ups.iter().collect();
        let follow_ups = if rows.is_empty() { Vec::new() } else { insert(conn, &rows).await? };
        replies.push(Accepted { id: ack.id, follow_ups });
    }
    Ok((replies, ended_batches(&accepted)))
}

/// Writes the end of one attempt in a transaction of its handler's, whose commit tells the workers of
/// what follows.
///
/// Its batch is closed after the commit: until then it would be locked, and whoever ends another of its
/// jobs would wait.
pub(crate) async fn settle_on_pg(
    conn: &mut PgConnection,
    owner: &str,
    ack: Ack,
) -> Result<Settled, sqlx::Error> {
    let (accepted, _) = end(conn, owner, &[&ack]).await?;
    let told: Vec<&String> = ack.follow_ups.iter().map(|row| &row.queue).collect();
    if !told.is_empty() && !accepted.is_empty() {
        sqlx::query(TELL_EACH).bind(told).execute(conn).await?;
    }
    Ok(Settled { accepted, completions: Vec::new() })
}

/// The accepted acks by their jobs, with the batch that each may have ended.
async fn update(
    conn: &mut PgConnection,
    owner: &str,
    acks: &[&Ack],
) -> Result<HashMap<i64, Option<i64>>, sqlx::Error> {
    if acks.is_empty() {
        return Ok(HashMap::new());
    }
    begin_log(conn, &unlogged(acks)).await?;
    // The rows are locked in the order of their ids, so that two batches cannot deadlock.
    // A cancel that the worker did not see in time wins over another attempt.
    // The newest 20 errors are kept: a job with a thousand attempts must not grow for ever.
    let accepted: Vec<(i64, Option<i64>)> = sqlx::query_as(
        "WITH ended AS MATERIALIZED (
            SELECT given.*, job.cancel AND NOT given.finished AS called_off, clock.now
            FROM mcsv_jobs AS job
            JOIN unnest($1::BIGINT[], $2::BIGINT[], $3::TEXT[], $4::TEXT[], $5::BIGINT[],
                $6::INTEGER[], $7::BOOLEAN[], $8::TEXT[], $9::TEXT[], $10::TEXT[], $11::BIGINT[],
                $13::BIGINT[])
                AS given (id, fence, state, transition, delay, given_back, finished, error, result,
                    detail, lease, started)
                ON job.id = given.id
            CROSS JOIN (SELECT mcsv_jobs_now() AS now) AS clock
            WHERE job.fence = given.fence AND job.state || '' = 'executing'
                AND CASE WHEN given.lease IS NULL
                    THEN job.lease_owner = $12 AND job.attempted_at = given.started
                    ELSE job.lease_until = given.lease END
            ORDER BY job.id FOR UPDATE OF job
         ), settled AS (
            UPDATE mcsv_jobs AS job SET
                state = CASE WHEN called_off THEN 'cancelled' ELSE ended.state END,
                attempt = attempt - given_back,
                scheduled_at = CASE WHEN finished THEN scheduled_at ELSE now + delay END,
                finished_at = CASE WHEN finished OR called_off THEN now END,
                result = coalesce(ended.result, job.result),
                errors = CASE WHEN error IS NULL THEN errors ELSE
                    (CASE WHEN jsonb_array_length(errors) >= 20 THEN errors - 0 ELSE errors END)
                    || jsonb_build_array(
                        jsonb_build_object('attempt', attempt, 'at', now, 'error', error))
                    END,
                lease_owner = NULL,
                lease_until = NULL,
                cancel = false,
                logged_in = greatest(logged_in, pg_current_xact_id())
            FROM ended WHERE job.id = ended.id
            RETURNING job.id, now, job.finished_at, job.batch_id, job.state, job.attempt, job.attempted_by, called_off,
                ended.transition, ended.detail, logged_in
         ), logged AS (
            INSERT INTO mcsv_job_events (job_id, at, transition, state, attempt, worker, detail,
                transaction_id)
            SELECT id, now, CASE WHEN called_off THEN 'cancelled' ELSE transition END, state,
                attempt, coalesce(attempted_by, ''), detail, logged_in
            FROM settled ORDER BY id
         )
         SELECT id, CASE WHEN finished_at IS NOT NULL THEN batch_id END FROM settled",
    )
    .bind(column(acks, |ack| ack.id))
    .bind(column(acks, |ack| ack.fence))
    .bind(column(acks, |ack| ack.fate.state.as_str()))
    .bind(column(acks, |ack| ack.fate.transition.as_str()))
    .bind(column(acks, |ack| ack.fate.delay))
    .bind(column(acks, |ack| i32::try_from(ack.fate.given_back).unwrap_or(i32::MAX)))
    .bind(column(acks, |ack| ack.fate.state.is_finished()))
    .bind(column(acks, |ack| ack.fate.error.as_deref().map(storable)))
    .bind(column(acks, |ack| ack.fate.result.as_deref().map(storable)))
    .bind(column(acks, |ack| storable(&ack.fate.detail)))
    .bind(column(acks, |ack| ack.seen_lease))
    .bind(owner)
    .bind(column(acks, |ack| ack.started_at))
    .fetch_all(conn)
    .await?;
    Ok(accepted.into_iter().collect())
}

/// Text without the one character that the server refuses: an outcome must be written whatever a
/// handler said.
fn storable(text: &str) -> String {
    text.replace('\0', "\u{fffd}")
}
