use std::pin::Pin;

use sqlx::SqliteConnection;

use super::ack::settle;
use super::claim::Found;
use super::enqueue::json;
use super::progress::keep;
use super::script::{Answers, Script};
use super::{Write, claim, complete, limit, now};
use crate::store::{Accepted, Ack, Completions, Leases, Settled, Turn, TurnReply, claim_limited};

/// Whether [`write`] can say all of a turn. What is left are failures, results and follow-ups,
/// leases, reports, and limits: they ask one thing after the other.
pub(super) fn is_plain(turn: &Turn) -> bool {
    let acks = turn.acks.iter().all(|ack| ack.is_plain() && ack.follow_ups.is_empty());
    acks && turn.leaves_leases() && turn.reports.is_empty() && !turn.is_limited
}

/// Adds the statements of a plain turn to a script; [`read`] takes their answers.
pub(super) fn write(script: &mut Script, turn: &Turn) -> Result<Vec<Completions>, sqlx::Error> {
    let acks: Vec<&Ack> = turn.acks.iter().collect();
    let completions = complete::write(script, &turn.owner, &acks)?;
    if turn.room > 0 {
        claim::write(script, turn)?;
    }
    Ok(completions)
}

pub(super) fn read(
    answers: &mut Answers,
    turn: &Turn,
    completions: Vec<Completions>,
) -> Result<TurnReply, sqlx::Error> {
    let accepted = complete::read(answers, completions)?;
    let accepted = accepted.into_iter().map(|id| Accepted { id, follow_ups: Vec::new() });
    let mut reply = TurnReply { accepted: accepted.collect(), ..TurnReply::default() };
    if turn.room > 0 {
        let Found { claimed, next_due, is_limited } = claim::read(answers)?;
        let is_all = claimed.len() < turn.room;
        reply = TurnReply { claimed, next_due: next_due.filter(|_| is_all), ..reply };
        reply.limited = is_limited && reply.claimed.is_empty();
    }
    Ok(reply)
}

impl Write for Turn {
    type Reply = TurnReply;

    /// A claim or a lease that a power cut takes back belonged to a worker that is gone, too; what
    /// an attempt came to must stay.
    fn is_durable(&self) -> bool {
        !self.acks.is_empty()
    }

    fn apply<'a>(
        &'a self,
        conn: &'a mut SqliteConnection,
    ) -> Pin<Box<dyn Future<Output = Result<TurnReply, sqlx::Error>> + Send + 'a>> {
        Box::pin(async move {
            keep(conn, &self.reports).await?;
            let Settled { accepted, rung } = settle(conn, &self.owner, &self.acks).await?;
            let kept = match self.leases {
                Leases::Renew => Some(renew(conn, self).await?),
                Leases::Look => Some(look(conn, self).await?),
                Leases::Leave => None,
            };
            let mut reply = TurnReply { accepted, rung, kept, ..TurnReply::default() };
            if self.room == 0 {
                return Ok(reply);
            }
            let mut script = Script::new();
            claim::write(&mut script, self)?;
            let found = claim::read(&mut script.run(conn).await?)?;
            let is_all = found.claimed.len() < self.room;
            reply.next_due = found.next_due.filter(|_| is_all);
            reply.claimed = found.claimed;
            if found.is_limited
                && let Some(limits) = limit::of(conn, &self.queue).await?
            {
                claim_limited(conn, self, &limits, &mut reply).await?;
            }
            Ok(reply)
        })
    }
}

async fn renew(
    conn: &mut SqliteConnection,
    turn: &Turn,
) -> Result<Vec<(i64, i64, bool)>, sqlx::Error> {
    if turn.held.is_empty() {
        return Ok(Vec::new());
    }
    sqlx::query_as(concat!(
        "UPDATE mcsv_jobs SET lease_until = ?3 + ",
        now!(),
        " WHERE id IN (SELECT value FROM json_each(?1))
            AND +state = 'executing' AND lease_owner = ?2
         RETURNING id, fence, cancel <> 0"
    ))
    .bind(json(&turn.held)?)
    .bind(&turn.owner)
    .bind(crate::new_job::millis(turn.lease))
    .fetch_all(conn)
    .await
}

async fn look(
    conn: &mut SqliteConnection,
    turn: &Turn,
) -> Result<Vec<(i64, i64, bool)>, sqlx::Error> {
    if turn.held.is_empty() {
        return Ok(Vec::new());
    }
    sqlx::query_as(
        "SELECT id, fence, cancel <> 0 FROM mcsv_jobs
         WHERE id IN (SELECT value FROM json_each(?1))
            AND +state = 'executing' AND lease_owner = ?2",
    )
    .bind(json(&turn.held)?)
    .bind(&turn.owner)
    .fetch_all(conn)
    .await
}
