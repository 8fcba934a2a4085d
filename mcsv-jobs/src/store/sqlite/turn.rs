use std::pin::Pin;

use sqlx::SqliteConnection;

use super::ack::settle;
use super::claim::claim;
use super::enqueue::json;
use super::progress::keep;
use super::{Write, limit, now};
use crate::store::{Leases, Settled, Turn, TurnReply, claim_limited};

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
            let Settled { accepted, rung } = settle(conn, &self.acks).await?;
            let kept = match self.leases {
                Leases::Renew => Some(renew(conn, self).await?),
                Leases::Look => Some(look(conn, self).await?),
                Leases::Leave => None,
            };
            let mut reply = TurnReply { accepted, rung, kept, ..TurnReply::default() };
            if self.room == 0 {
                return Ok(reply);
            }
            reply.claimed = claim(conn, &self.queue, &self.owner, self.lease, self.room).await?;
            if reply.claimed.is_empty()
                && let Some(limits) = limit::of(conn, &self.queue).await?
            {
                claim_limited(conn, self, &limits, &mut reply).await?;
            } else if reply.claimed.len() < self.room {
                reply.next_due = next_due(conn, &self.queue).await?;
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

async fn next_due(conn: &mut SqliteConnection, queue: &str) -> Result<Option<i64>, sqlx::Error> {
    sqlx::query_scalar(concat!(
        "SELECT min(scheduled_at) - ",
        now!(),
        " FROM mcsv_jobs WHERE queue = ?1 AND state IN ('scheduled', 'retryable')
            AND NOT EXISTS (SELECT 1 FROM mcsv_job_pauses WHERE queue = ?1)"
    ))
    .bind(queue)
    .fetch_one(conn)
    .await
}
