use std::time::Duration;

use sqlx::{Connection, PgConnection};
use tokio::time::timeout;

use super::ack::settle;
use super::claim::{Commit, claim};
use super::connect::{SILENT, give_up};
use super::progress::keep;
use super::{PostgresStore, limit};
use crate::Error;
use crate::store::{Leases, Settled, Turn, TurnReply, claim_limited};

/// The least time for an answer: locks are waited for.
const SHORTEST: Duration = Duration::from_secs(2);
/// How soon to look again where another worker was about to take what is there.
const AGAIN: i64 = 20;

impl PostgresStore {
    pub(in crate::store) async fn turn(&self, turn: Turn) -> Result<TurnReply, Error> {
        let taken = turn.acks.iter().any(|ack| ack.seen_lease.is_some());
        let mut conn = self.engine().acquire().await?;
        // Early enough to renew the leases on another connection.
        let silent = SILENT.min(turn.lease / 3).max(SHORTEST);
        let Ok(reply) = timeout(silent, take_turn(&mut conn, &turn)).await else {
            return Err(give_up(conn, silent));
        };
        let reply = reply?;
        if taken {
            // The first worker of a rescued job may be alive: its handler is to hear of it.
            self.notifier.tell_all();
        }
        Ok(reply)
    }
}

async fn take_turn(conn: &mut PgConnection, turn: &Turn) -> Result<TurnReply, sqlx::Error> {
    if turn.acks.is_empty() && turn.reports.is_empty() && turn.leases == Leases::Leave {
        return only_claim(conn, turn).await;
    }
    let mut tx = conn.begin().await?;
    keep(&mut tx, &turn.owner, &turn.reports).await?;
    let Settled { accepted, rung } = settle(&mut tx, &turn.owner, &turn.acks).await?;
    let kept = match turn.leases {
        Leases::Renew => Some(renew(&mut tx, turn).await?),
        Leases::Look => Some(look(&mut tx, turn).await?),
        Leases::Leave => None,
    };
    let mut reply = TurnReply { accepted, rung, kept, ..TurnReply::default() };
    if turn.room > 0 {
        look_for_work(&mut tx, turn, &mut reply).await?;
    }
    tx.commit().await?;
    Ok(reply)
}

/// A claim is one statement, which needs no transaction around it: one round trip where there is
/// enough to do. Nor does it wait for the disk: see [`Commit::Quick`].
async fn only_claim(conn: &mut PgConnection, turn: &Turn) -> Result<TurnReply, sqlx::Error> {
    let mut reply = TurnReply::default();
    if let Found::Limits = claim_free(conn, turn, Commit::Quick, &mut reply).await? {
        let mut tx = conn.begin().await?;
        claim_bounded(&mut tx, turn, &mut reply).await?;
        tx.commit().await?;
    }
    Ok(reply)
}

async fn look_for_work(
    conn: &mut PgConnection,
    turn: &Turn,
    reply: &mut TurnReply,
) -> Result<(), sqlx::Error> {
    match claim_free(conn, turn, Commit::Durable, reply).await? {
        Found::Limits => claim_bounded(conn, turn, reply).await,
        Found::All => Ok(()),
    }
}

/// Whether a claim found what there is, or a queue that it must not claim from.
enum Found {
    All,
    Limits,
}

async fn claim_free(
    conn: &mut PgConnection,
    turn: &Turn,
    commit: Commit,
    reply: &mut TurnReply,
) -> Result<Found, sqlx::Error> {
    reply.claimed = claim(conn, turn, commit).await?;
    if !reply.claimed.is_empty() {
        // They start now, and not a question later. Their ends or the clock look for more.
        reply.next_due = (reply.claimed.len() < turn.room).then_some(AGAIN);
        return Ok(Found::All);
    }
    let (limited, next_due) = rest(conn, &turn.queue).await?;
    if limited {
        return Ok(Found::Limits);
    }
    reply.next_due = next_due;
    Ok(Found::All)
}

async fn claim_bounded(
    conn: &mut PgConnection,
    turn: &Turn,
    reply: &mut TurnReply,
) -> Result<(), sqlx::Error> {
    match limit::of(conn, &turn.queue).await? {
        Some(limits) => claim_limited(conn, turn, &limits, reply).await,
        // They were taken away just now.
        None => {
            reply.look_within(Some(0));
            Ok(())
        }
    }
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
