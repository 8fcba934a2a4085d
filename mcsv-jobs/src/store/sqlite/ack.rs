use std::collections::HashMap;

use serde::Serialize;
use sqlx::SqliteConnection;

use super::batch::close;
use super::enqueue::{insert, json};
use super::script::Script;
use super::unlogged::begin_log;
use super::{complete, now};
use crate::store::{Accepted, Ack, Row, Settled, ended_batches, unlogged};

#[derive(Serialize)]
struct Line<'a> {
    id: i64,
    fence: i64,
    state: &'static str,
    transition: &'static str,
    delay: i64,
    given_back: u32,
    finished: u8,
    error: &'a Option<String>,
    result: &'a Option<String>,
    detail: &'a str,
    lease: Option<i64>,
    started: i64,
}

impl<'a> From<&'a Ack> for Line<'a> {
    fn from(ack: &'a Ack) -> Self {
        Line {
            id: ack.id,
            fence: ack.fence,
            state: ack.fate.state.as_str(),
            transition: ack.fate.transition.as_str(),
            delay: ack.fate.delay,
            given_back: ack.fate.given_back,
            finished: u8::from(ack.fate.state.is_finished()),
            error: &ack.fate.error,
            result: &ack.fate.result,
            detail: &ack.fate.detail,
            lease: ack.seen_lease,
            started: ack.started_at,
        }
    }
}

/// Writes the ends of the attempts of `owner`, their events and their follow-ups; stale ones change
/// nothing.
pub(crate) async fn settle(
    conn: &mut SqliteConnection,
    owner: &str,
    acks: &[Ack],
) -> Result<Settled, sqlx::Error> {
    if acks.is_empty() {
        return Ok(Settled::default());
    }
    let (plain, others): (Vec<&Ack>, Vec<&Ack>) = acks.iter().partition(|ack| ack.is_plain());
    let mut accepted = update(conn, owner, &others).await?;
    if !plain.is_empty() {
        let mut script = Script::default();
        let completions = complete::write(&mut script, owner, &plain)?;
        let completed = complete::read(&mut script.run(conn).await?, completions)?;
        accepted.extend(completed.into_iter().map(|id| (id, None)));
    }
    let mut replies = Vec::with_capacity(accepted.len());
    for ack in acks.iter().filter(|ack| accepted.contains_key(&ack.id)) {
        let rows: Vec<&Row> = ack.follow_ups.iter().collect();
        let follow_ups = if rows.is_empty() { Vec::new() } else { insert(conn, &rows).await? };
        replies.push(Accepted { id: ack.id, follow_ups });
    }
    // After the follow-ups, which may belong to them.
    let completions = close(conn, &ended_batches(&accepted)).await?;
    Ok(Settled { accepted: replies, completions })
}

/// The accepted acks by their jobs, with the batch that each may have ended.
async fn update(
    conn: &mut SqliteConnection,
    owner: &str,
    acks: &[&Ack],
) -> Result<HashMap<i64, Option<i64>>, sqlx::Error> {
    if acks.is_empty() {
        return Ok(HashMap::new());
    }
    begin_log(conn, &unlogged(acks)).await?;
    let lines: Vec<Line<'_>> = acks.iter().copied().map(Line::from).collect();
    // The unary plus keeps the planner on the ids: by state it would walk all running jobs once per
    // ack.
    // A cancel that the worker did not see in time wins over another attempt.
    // The newest 20 errors are kept: a job with a thousand attempts must not grow for ever.
    let accepted: Vec<(i64, Option<i64>)> = sqlx::query_as(concat!(
        "UPDATE mcsv_jobs SET
            state = iif(cancel AND NOT a.finished, 'cancelled', a.state),
            attempt = attempt - a.given_back,
            scheduled_at = iif(a.finished, scheduled_at, a.now + a.delay),
            finished_at = iif(a.finished OR cancel, a.now, NULL),
            result = coalesce(a.result, mcsv_jobs.result),
            errors = CASE WHEN a.error IS NULL THEN errors ELSE json_insert(
                iif(json_array_length(errors) >= 20, json_remove(errors, '$[0]'), errors),
                '$[#]', json_object('attempt', attempt, 'at', a.now, 'error', a.error)) END,
            lease_owner = NULL,
            lease_until = NULL,
            cancel = 0
         FROM (SELECT value ->> 'id' AS id, value ->> 'fence' AS fence, value ->> 'state' AS state,
                value ->> 'delay' AS delay, value ->> 'given_back' AS given_back,
                value ->> 'finished' AS finished, value ->> 'error' AS error,
                value ->> 'result' AS result, value ->> 'lease' AS lease,
                value ->> 'started' AS started, ",
        now!(),
        " AS now FROM json_each(?1)) AS a
         WHERE mcsv_jobs.id = a.id AND mcsv_jobs.fence = a.fence
            AND +mcsv_jobs.state = 'executing'
            AND iif(a.lease IS NULL,
                mcsv_jobs.lease_owner = ?2 AND mcsv_jobs.attempted_at = a.started,
                mcsv_jobs.lease_until = a.lease)
         RETURNING mcsv_jobs.id, iif(finished_at IS NULL, NULL, batch_id)"
    ))
    .bind(json(&lines)?)
    .bind(owner)
    .fetch_all(&mut *conn)
    .await?;
    let accepted: HashMap<i64, Option<i64>> = accepted.into_iter().collect();
    let lines: Vec<&Line<'_>> =
        lines.iter().filter(|line| accepted.contains_key(&line.id)).collect();
    log(conn, &json(&lines)?).await?;
    Ok(accepted)
}

async fn log(conn: &mut SqliteConnection, lines: &str) -> Result<(), sqlx::Error> {
    sqlx::query(concat!(
        "INSERT INTO mcsv_job_events (job_id, at, transition, state, attempt, worker, detail)
         SELECT mcsv_jobs.id, coalesce(finished_at, ",
        now!(),
        "), iif(state = 'cancelled', state, value ->> 'transition'), state, attempt, coalesce(attempted_by, ''), value ->> 'detail'
         FROM json_each(?1) JOIN mcsv_jobs ON mcsv_jobs.id = value ->> 'id'"
    ))
    .bind(lines)
    .execute(conn)
    .await?;
    Ok(())
}
