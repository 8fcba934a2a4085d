use sqlx::Row as _;

use super::claim::{NEXT, read_next};
use super::now;
use super::script::{Answers, Argument, Script};
use crate::store::{Claim, ClaimReply, Claimed, Inserted, Row};

/// One job that starts as it is inserted, unless something else of its queue would have to start before it,
/// or the queue lets nothing start just so.
///
/// A claim beside the insert would write everything twice: the job, its places in the indexes, its args.
const START: &str = concat!(
    "UPDATE mcsv_job_ids SET last = last + 1;
     WITH clock AS MATERIALIZED (SELECT ",
    now!(),
    " AS now,
        NOT EXISTS (SELECT 1 FROM mcsv_jobs WHERE queue = ?2 AND state = 'available')
        AND NOT EXISTS (SELECT 1 FROM mcsv_jobs WHERE queue = ?2
            AND state IN ('scheduled', 'retryable') AND scheduled_at <= ",
    now!(),
    ")
        AND NOT EXISTS (SELECT 1 FROM mcsv_job_pauses WHERE queue = ?2)
        AND NOT EXISTS (SELECT 1 FROM mcsv_job_limits WHERE queue = ?2) AS starts)
     INSERT INTO mcsv_jobs (id, kind, queue, priority, max_attempts, partition_key, batch_id, chain,
        key_id, traceparent, tracestate, args, scheduled_at, inserted_at, budget_from, fence, attempt,
        state, attempted_at, attempted_by, lease_owner, lease_until, is_logged)
     SELECT last, ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, now, now, now, starts, starts,
        iif(starts, 'executing', 'available'), iif(starts, now, NULL), iif(starts, ?12, NULL),
        iif(starts, ?12, NULL), iif(starts, now + ?13, NULL), ?14
     FROM mcsv_job_ids, clock
     RETURNING id, inserted_at, fence;
     INSERT INTO mcsv_job_events (job_id, at, transition, state, attempt, worker)
     SELECT id, inserted_at, 'enqueued', 'available', 0, '' FROM mcsv_jobs, mcsv_job_ids
     WHERE id = last AND is_logged
     UNION ALL
     SELECT id, inserted_at, 'started', 'executing', 1, ?12 FROM mcsv_jobs, mcsv_job_ids
     WHERE id = last AND fence = 1 AND is_logged"
);

/// Adds the statements to a script; [`read`] takes their answers.
pub(super) fn write(script: &mut Script, row: &Row, claim: &Claim) -> Result<(), sqlx::Error> {
    script.add(
        START,
        [
            Argument::Text(&row.kind),
            Argument::Text(&row.queue),
            Argument::Number(row.priority.into()),
            Argument::Number(row.max_attempts.into()),
            Argument::Maybe(row.partition_key.as_deref()),
            Argument::MaybeNumber(row.batch_id),
            Argument::Maybe(row.chain.as_deref()),
            Argument::Maybe(row.key_id.as_deref()),
            Argument::Text(&row.traceparent),
            Argument::Maybe(row.tracestate.as_deref()),
            Argument::Bytes(&row.args),
            Argument::Text(&claim.owner),
            Argument::Number(crate::new_job::millis(claim.lease)),
            Argument::Number(row.is_logged.into()),
        ],
    )?;
    script.add(NEXT, [Argument::Text(&claim.queue)])
}

pub(super) fn read(
    answers: &mut Answers,
    row: &Row,
) -> Result<(Inserted, ClaimReply), sqlx::Error> {
    answers.skip(1);
    let made = answers.row()?;
    let (id, now, fence): (i64, i64, i64) = (made.try_get(0)?, made.try_get(1)?, made.try_get(2)?);
    answers.skip(1);
    let (next_due, limited) = read_next(answers)?;
    let has_started = fence > 0;
    let mut reply = ClaimReply { next_due, limited, ..ClaimReply::default() };
    if has_started {
        reply.claimed.push(Claimed::at_once(row, id, now));
    } else {
        // What is to start before it is for a claim to find.
        reply.look_within(Some(0));
    }
    Ok((Inserted { has_started, ..Inserted::new(id, true)? }, reply))
}
