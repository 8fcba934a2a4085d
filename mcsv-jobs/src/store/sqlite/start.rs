use rusqlite::{Connection, Row as Found, named_params};

use super::now;
use crate::Error;
use crate::store::{Claim, ClaimReply, Claimed, Inserted, Row};

/// What decides whether a job of the queue can start as it is enqueued: nothing else of it would have to
/// start before, and it lets jobs start just so.
const QUEUE: &str = concat!(
    "SELECT last + 1 AS id, ",
    now!(),
    " AS now,
        EXISTS (SELECT 1 FROM mcsv_jobs WHERE queue = :queue AND state = 'available') AS is_busy,
        (SELECT min(scheduled_at) FROM mcsv_jobs
            WHERE queue = :queue AND state IN ('scheduled', 'retryable')) AS due,
        EXISTS (SELECT 1 FROM mcsv_job_pauses WHERE queue = :queue) AS is_paused,
        EXISTS (SELECT 1 FROM mcsv_job_limits WHERE queue = :queue) AS is_limited
     FROM mcsv_job_ids"
);
const TAKE_ID: &str = "UPDATE mcsv_job_ids SET last = :id";
/// A row of values that are known, as the events are: a statement that decides itself whether the job starts
/// has SQLite keep a table for what it decided.
const INSERT: &str = "INSERT INTO mcsv_jobs (id, kind, queue, state, priority, attempt, max_attempts, fence,
        scheduled_at, inserted_at, budget_from, attempted_at, attempted_by, lease_owner, lease_until,
        partition_key, batch_id, chain, key_id, traceparent, tracestate, args, is_logged)
     VALUES (:id, :kind, :queue, :state, :priority, :started, :max_attempts, :started, :now, :now, :now,
        :started_at, :owner, :owner, :lease_until, :partition_key, :batch_id, :chain, :key_id,
        :traceparent, :tracestate, :args, :is_logged)";
const LOG: &str = "INSERT INTO mcsv_job_events (job_id, at, transition, state, attempt, worker)
     VALUES (:id, :now, :transition, :state, :attempt, :worker)";

struct Queue {
    id: i64,
    now: i64,
    is_busy: bool,
    due: Option<i64>,
    is_paused: bool,
    is_limited: bool,
}

impl Queue {
    fn of(found: &Found<'_>) -> rusqlite::Result<Self> {
        Ok(Queue {
            id: found.get("id")?,
            now: found.get("now")?,
            is_busy: found.get("is_busy")?,
            due: found.get("due")?,
            is_paused: found.get("is_paused")?,
            is_limited: found.get("is_limited")?,
        })
    }

    fn lets_start(&self) -> bool {
        let is_due = self.due.is_some_and(|due| due <= self.now);
        !(self.is_busy || is_due || self.is_paused || self.is_limited)
    }

    fn reply(&self) -> ClaimReply {
        let next_due = self.due.filter(|_| !self.is_paused).map(|due| due - self.now);
        ClaimReply { next_due, limited: self.is_limited, ..ClaimReply::default() }
    }
}

/// Enqueues one job, in a transaction that has begun, for a claim that waits for it: it starts as it is
/// inserted, if its queue lets it.
///
/// A claim beside the insert would write everything twice: the job, its places in the indexes, its args.
pub(super) fn insert(
    conn: &Connection,
    row: &Row,
    claim: &Claim,
) -> Result<(Inserted, ClaimReply), Error> {
    let mut queue = conn.prepare_cached(QUEUE)?;
    let queue = queue.query_one(named_params! { ":queue": row.queue }, Queue::of)?;
    let Queue { id, now, .. } = queue;
    let has_started = queue.lets_start();
    let started = has_started.then_some(&claim.owner);
    conn.prepare_cached(TAKE_ID)?.execute(named_params! { ":id": id })?;
    conn.prepare_cached(INSERT)?.execute(named_params! {
        ":id": id,
        ":kind": row.kind,
        ":queue": row.queue,
        ":state": if has_started { "executing" } else { "available" },
        ":priority": row.priority,
        ":started": has_started,
        ":max_attempts": row.max_attempts,
        ":now": now,
        ":started_at": started.map(|_| now),
        ":owner": started,
        ":lease_until": started.map(|_| now + crate::new_job::millis(claim.lease)),
        ":partition_key": row.partition_key,
        ":batch_id": row.batch_id,
        ":chain": row.chain,
        ":key_id": row.key_id,
        ":traceparent": row.traceparent,
        ":tracestate": row.tracestate,
        ":args": row.args,
        ":is_logged": row.is_logged,
    })?;
    let log = |transition: &str, state: &str, attempt: u32, worker: &str| {
        let mut log = conn.prepare_cached(LOG)?;
        log.execute(named_params! {
            ":id": id, ":now": now, ":transition": transition, ":state": state,
            ":attempt": attempt, ":worker": worker,
        })
    };
    if row.is_logged {
        log("enqueued", "available", 0, "")?;
        started.map(|owner| log("started", "executing", 1, owner)).transpose()?;
    }
    let mut reply = queue.reply();
    if has_started {
        reply.claimed.push(Claimed::at_once(row, id, now));
    } else {
        // What is to start before it is for a claim to find.
        reply.look_within(Some(0));
    }
    Ok((Inserted { has_started, ..Inserted::new(id, true)? }, reply))
}
