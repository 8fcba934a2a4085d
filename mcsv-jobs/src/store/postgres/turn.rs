use std::time::Duration;

use sqlx::{Connection, PgConnection};
use tokio::time::timeout;

use super::ack::settle;
use super::claim::claim;
use super::{PostgresStore, limit};
use crate::store::{Leases, Turn, TurnReply};
use crate::{Error, ErrorKind};

/// A connection that is silent this long is given up: the machine behind it may be gone.
const SILENT: Duration = Duration::from_secs(20);
/// How soon to look again where another worker was about to take what is there.
const AGAIN: i64 = 20;

impl PostgresStore {
    pub(in crate::store) async fn turn(&self, turn: Turn) -> Result<TurnReply, Error> {
        let taken = turn.acks.iter().any(|ack| ack.seen_lease.is_some());
        let reply = match timeout(SILENT, self.take_turn(&turn)).await {
            Ok(reply) => reply?,
            Err(_) => {
                let context = format!("the job database gave no answer within {SILENT:?}");
                return Err(Error::new(ErrorKind::Unavailable, context));
            }
        };
        if taken {
            // The first worker of a rescued job may be alive: its handler is to hear of it.
            self.notifier.tell_all();
        }
        Ok(reply)
    }

    async fn take_turn(&self, turn: &Turn) -> Result<TurnReply, sqlx::Error> {
        let mut conn = self.engine().acquire().await?;
        let mut tx = conn.begin().await?;
        let accepted = settle(&mut tx, &turn.acks).await?;
        let kept = match turn.leases {
            Leases::Renew => Some(renew(&mut tx, turn).await?),
            Leases::Look => Some(look(&mut tx, turn).await?),
            Leases::Leave => None,
        };
        let mut reply = TurnReply { accepted, kept, ..TurnReply::default() };
        if turn.room > 0 {
            look_for_work(&mut tx, turn, &mut reply).await?;
        }
        tx.commit().await?;
        Ok(reply)
    }
}

async fn look_for_work(
    conn: &mut PgConnection,
    turn: &Turn,
    reply: &mut TurnReply,
) -> Result<(), sqlx::Error> {
    reply.claimed = claim(conn, &turn.queue, &turn.owner, turn.lease, turn.room).await?;
    if reply.claimed.is_empty()
        && let Some(limits) = limit::of(conn, &turn.queue).await?
    {
        limit::claim(conn, turn, &limits, reply).await?;
    } else if reply.claimed.len() < turn.room {
        reply.next_due = next_due(conn, &turn.queue).await?;
    }
    Ok(())
}

async fn renew(conn: &mut PgConnection, turn: &Turn) -> Result<Vec<(i64, i64, bool)>, sqlx::Error> {
    sqlx::query_as(
        "UPDATE mcsv_jobs SET lease_until = mcsv_jobs_now() + $3
         WHERE id = ANY ($1) AND state = 'executing' AND lease_owner = $2
         RETURNING id, fence, cancel",
    )
    .bind(&turn.held)
    .bind(&turn.owner)
    .bind(crate::new_job::millis(turn.lease))
    .fetch_all(conn)
    .await
}

async fn look(conn: &mut PgConnection, turn: &Turn) -> Result<Vec<(i64, i64, bool)>, sqlx::Error> {
    sqlx::query_as(
        "SELECT id, fence, cancel FROM mcsv_jobs
         WHERE id = ANY ($1) AND state = 'executing' AND lease_owner = $2",
    )
    .bind(&turn.held)
    .bind(&turn.owner)
    .fetch_all(conn)
    .await
}

/// Milliseconds until there may be something to claim.
///
/// What is there already was locked by another worker, who need not take it: look again soon.
async fn next_due(conn: &mut PgConnection, queue: &str) -> Result<Option<i64>, sqlx::Error> {
    sqlx::query_scalar(
        "SELECT CASE WHEN EXISTS (SELECT 1 FROM mcsv_jobs WHERE queue = $1 AND state = 'available')
            THEN $2
            ELSE greatest($2, (SELECT min(scheduled_at) - mcsv_jobs_now() FROM mcsv_jobs
                WHERE queue = $1 AND state IN ('scheduled', 'retryable')))
            END WHERE EXISTS (SELECT 1 FROM mcsv_jobs WHERE queue = $1
                AND state IN ('available', 'scheduled', 'retryable'))
            AND NOT EXISTS (SELECT 1 FROM mcsv_job_pauses WHERE queue = $1)",
    )
    .bind(queue)
    .bind(AGAIN)
    .fetch_optional(conn)
    .await
}
