use std::pin::Pin;
use std::time::Duration;

use sqlx::SqliteConnection;

use super::enqueue::json;
use super::script::{Answer, Answers, Argument, Script};
use super::writer::Durability;
use super::{SqliteStore, Write, limit, now};
use crate::Error;
use crate::new_job::{from_millis, millis};
use crate::store::{Claim, ClaimReply, Claimed, claim_limited};

/// Where the ids of a claim wait for the statements after it: a table of the connection's own.
pub(super) const PICKED: &str = "CREATE TEMP TABLE mcsv_picked (ids TEXT NOT NULL);
    INSERT INTO mcsv_picked VALUES ('[]')";

/// The ready ones by priority, then the ones that are due.
///
/// Two index ranges, both cut at the limit, so neither a million scheduled jobs nor a million
/// finished ones make it slower. A queue with limits has its own way: see `limit`.
///
/// The plus hides the limit from the planner: it would plan anew whenever a number is bound to it, which
/// takes longer than the claim.
const PICK: &str = concat!(
    "UPDATE temp.mcsv_picked SET ids = (SELECT json_group_array(id) FROM (SELECT id FROM (
        SELECT * FROM (
            SELECT id, priority, scheduled_at FROM mcsv_jobs
            WHERE queue = ?1 AND state = 'available'
                AND NOT EXISTS (SELECT 1 FROM mcsv_job_pauses WHERE queue = ?1)
                AND NOT EXISTS (SELECT 1 FROM mcsv_job_limits WHERE queue = ?1)
            ORDER BY priority DESC, scheduled_at, id LIMIT +?2)
        UNION ALL
        SELECT * FROM (
            SELECT id, priority, scheduled_at FROM mcsv_jobs
            WHERE queue = ?1 AND state IN ('scheduled', 'retryable')
                AND NOT EXISTS (SELECT 1 FROM mcsv_job_pauses WHERE queue = ?1)
                AND NOT EXISTS (SELECT 1 FROM mcsv_job_limits WHERE queue = ?1)
                AND scheduled_at <= ",
    now!(),
    "
            ORDER BY scheduled_at LIMIT +?2))
     ORDER BY priority DESC, scheduled_at, id LIMIT +?2))"
);
/// The ids of a limited claim.
const GIVEN: &str = "UPDATE temp.mcsv_picked SET ids = ?1";
/// Starts what was picked, which nobody can have taken since; the answers are in its order, which a CROSS JOIN
/// keeps.
const START: &str = concat!(
    "UPDATE mcsv_jobs SET state = 'executing', fence = fence + 1, attempt = attempt + 1,
        lease_owner = ?1, attempted_by = ?1, attempted_at = ",
    now!(),
    ", lease_until = ?2 + ",
    now!(),
    " WHERE id IN (SELECT value FROM json_each((SELECT ids FROM temp.mcsv_picked)));
     INSERT INTO mcsv_job_events (job_id, at, transition, state, attempt, worker)
     SELECT mcsv_jobs.id, attempted_at, 'started', state, attempt, lease_owner
     FROM json_each((SELECT ids FROM temp.mcsv_picked))
        JOIN mcsv_jobs ON mcsv_jobs.id = value
     WHERE is_logged;
     SELECT mcsv_jobs.id, fence, kind, args, attempt, max_attempts, inserted_at, scheduled_at, attempted_at,
        budget_from, traceparent, tracestate, batch_id, chain, key_id, is_logged
     FROM json_each((SELECT ids FROM temp.mcsv_picked)) CROSS JOIN mcsv_jobs ON mcsv_jobs.id = value"
);
/// Milliseconds until the next job is due, and whether the queue has limits.
pub(super) const NEXT: &str = concat!(
    "SELECT (SELECT min(scheduled_at) - ",
    now!(),
    " FROM mcsv_jobs WHERE queue = ?1 AND state IN ('scheduled', 'retryable')
        AND NOT EXISTS (SELECT 1 FROM mcsv_job_pauses WHERE queue = ?1)),
     EXISTS (SELECT 1 FROM mcsv_job_limits WHERE queue = ?1)"
);

impl SqliteStore {
    /// The reply to a claim where there is nothing to do: one question, which waits for no writer.
    pub(super) async fn idle(&self, queue: &str) -> Result<Option<ClaimReply>, Error> {
        let (is_idle, next_due): (bool, Option<i64>) = sqlx::query_as(concat!(
            "SELECT NOT EXISTS (SELECT 1 FROM mcsv_job_limits WHERE queue = ?1)
                AND NOT EXISTS (SELECT 1 FROM mcsv_jobs WHERE queue = ?1 AND state = 'available')
                AND coalesce(due > 0, true), due
             FROM (SELECT min(scheduled_at) - ",
            now!(),
            " AS due FROM mcsv_jobs WHERE queue = ?1 AND state IN ('scheduled', 'retryable'))"
        ))
        .bind(queue)
        .fetch_one(&self.readers)
        .await?;
        Ok(is_idle.then(|| ClaimReply { next_due, ..ClaimReply::default() }))
    }
}

/// Adds the statements of a claim to a script; [`read`] takes their answers. Of a queue with limits
/// they start nothing.
pub(super) fn write<'a>(script: &mut Script<'a>, claim: &'a Claim) {
    let room = i64::try_from(claim.room).unwrap_or(i64::MAX);
    script.add(PICK, [Argument::Text(&claim.queue), Argument::Number(room)]);
    write_start(script, &claim.owner, claim.lease);
    script.add(NEXT, [Argument::Text(&claim.queue)]);
}

pub(super) fn read(answers: &mut Answers, claim: &Claim) -> Result<ClaimReply, sqlx::Error> {
    answers.skip(1);
    let claimed = read_start(answers)?;
    let (next_due, limited) = read_next(answers)?;
    let is_all = claimed.len() < claim.room;
    Ok(ClaimReply { claimed, next_due: next_due.filter(|_| is_all), limited })
}

pub(super) fn read_next(answers: &mut Answers) -> Result<(Option<i64>, bool), sqlx::Error> {
    let row = answers.row()?;
    Ok((row.get(0)?, row.get(1)?))
}

impl Write for Claim {
    type Reply = ClaimReply;

    /// A claim that a power cut takes back belonged to a worker that is gone, too.
    fn durability(&self) -> Durability {
        Durability::Later
    }

    fn apply<'a>(
        &'a self,
        conn: &'a mut SqliteConnection,
    ) -> Pin<Box<dyn Future<Output = Result<ClaimReply, sqlx::Error>> + Send + 'a>> {
        Box::pin(async move {
            if let Some(limits) = limit::of(conn, &self.queue).await? {
                let mut reply = ClaimReply::default();
                claim_limited(conn, self, &limits, &mut reply).await?;
                return Ok(reply);
            }
            let mut script = Script::default();
            write(&mut script, self);
            read(&mut script.run(conn).await?, self)
        })
    }
}

fn write_start<'a>(script: &mut Script<'a>, owner: &'a str, lease: Duration) {
    script.add(START, [Argument::Text(owner), Argument::Number(millis(lease))]);
}

fn read_start(answers: &mut Answers) -> Result<Vec<Claimed>, sqlx::Error> {
    answers.skip(2);
    answers.rows()?.iter().map(started).collect()
}

fn started(job: &Answer) -> Result<Claimed, sqlx::Error> {
    let (started_at, budget_from): (i64, i64) = (job.get(8)?, job.get(9)?);
    Ok(Claimed {
        id: job.get(0)?,
        fence: job.get(1)?,
        kind: job.get(2)?,
        args: job.get(3)?,
        attempt: job.get(4)?,
        max_attempts: job.get(5)?,
        inserted_at: job.get(6)?,
        scheduled_at: job.get(7)?,
        started_at,
        age: from_millis(started_at - budget_from),
        traceparent: job.get(10)?,
        tracestate: job.get(11)?,
        batch_id: job.get(12)?,
        chain: job.get(13)?,
        key_id: job.get(14)?,
        is_logged: job.get(15)?,
    })
}

/// Starts these jobs, which nobody can have taken since they were found.
pub(super) async fn take(
    conn: &mut SqliteConnection,
    ids: &[i64],
    owner: &str,
    lease: Duration,
) -> Result<Vec<Claimed>, sqlx::Error> {
    let mut script = Script::default();
    script.add(GIVEN, [Argument::Json(json(ids)?)]);
    write_start(&mut script, owner, lease);
    let mut answers = script.run(conn).await?;
    answers.skip(1);
    read_start(&mut answers)
}
