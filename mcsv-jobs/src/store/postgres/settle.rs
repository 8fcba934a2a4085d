use sqlx::{Connection, PgConnection};

use super::connect::{give_up, patience};
use super::progress::keep;
use super::{PostgresStore, ack, complete};
use crate::Error;
use crate::store::{Accepted, Ack, Leases, Settle, SettleReply, Settled, completions};

impl PostgresStore {
    pub(in crate::store) async fn settle(&self, settle: Settle) -> Result<SettleReply, Error> {
        let taken = settle.acks.iter().any(|ack| ack.seen_lease.is_some());
        let mut conn = self.engine().acquire().await?;
        let silent = patience(settle.lease);
        let Ok(reply) = tokio::time::timeout(silent, tell(&mut conn, &settle)).await else {
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

async fn tell(conn: &mut PgConnection, settle: &Settle) -> Result<SettleReply, sqlx::Error> {
    if settle.is_plain() {
        let acks: Vec<&Ack> = settle.acks.iter().collect();
        // Mostly it is one statement, which needs no transaction around it.
        if let [all] = completions(&acks).as_slice() {
            let ended = complete::complete(conn, &settle.owner, all).await?.into_iter();
            let accepted = ended.map(|id| Accepted { id, follow_ups: Vec::new() }).collect();
            return Ok(SettleReply { accepted, ..SettleReply::default() });
        }
    }
    let mut tx = conn.begin().await?;
    keep(&mut tx, &settle.owner, &settle.reports).await?;
    let locked = if settle.around_locks { locked(&mut tx, settle).await? } else { Vec::new() };
    let free: Vec<&Ack> = settle.acks.iter().filter(|ack| !locked.contains(&ack.id)).collect();
    let Settled { accepted, completions } = ack::settle(&mut tx, &settle.owner, &free).await?;
    let (kept, held_up) = match settle.leases {
        Leases::Renew => {
            renew(&mut tx, settle).await.map(|(kept, held_up)| (Some(kept), held_up))?
        }
        Leases::Look => (Some(look(&mut tx, settle).await?), false),
        Leases::Leave => (None, false),
    };
    tx.commit().await?;
    Ok(SettleReply { accepted, kept, held_up, completions, locked })
}

/// The jobs of the outcomes whose rows somebody else has locked; the others are locked for this
/// transaction.
async fn locked(conn: &mut PgConnection, settle: &Settle) -> Result<Vec<i64>, sqlx::Error> {
    let ids: Vec<i64> = settle.acks.iter().map(|ack| ack.id).collect();
    sqlx::query_scalar(
        "WITH free AS MATERIALIZED (
            SELECT id FROM mcsv_jobs WHERE id = ANY ($1) ORDER BY id FOR UPDATE SKIP LOCKED
         )
         SELECT id FROM mcsv_jobs WHERE id = ANY ($1) AND id NOT IN (SELECT id FROM free)",
    )
    .bind(ids)
    .fetch_all(conn)
    .await
}

/// A row that a handler completes in its own transaction is not waited for: the other leases would run
/// out meanwhile. It is still held, as far as anybody can see; whether there is one is the second answer.
async fn renew(
    conn: &mut PgConnection,
    settle: &Settle,
) -> Result<(Vec<(i64, i64, bool)>, bool), sqlx::Error> {
    let kept: Vec<(i64, i64, bool, bool)> = sqlx::query_as(
        "WITH free AS MATERIALIZED (
            SELECT id FROM mcsv_jobs
            WHERE id = ANY ($1) AND state || '' = 'executing' AND lease_owner = $2
            FOR UPDATE SKIP LOCKED
         ), renewed AS (
            UPDATE mcsv_jobs SET lease_until = mcsv_jobs_now() + $3
            WHERE id = ANY (ARRAY(SELECT id FROM free))
         )
         SELECT id, fence, cancel, id IN (SELECT id FROM free) FROM mcsv_jobs
         WHERE id = ANY ($1) AND state || '' = 'executing' AND lease_owner = $2",
    )
    .bind(&settle.held)
    .bind(&settle.owner)
    .bind(crate::new_job::millis(settle.lease))
    .fetch_all(conn)
    .await?;
    let held_up = kept.iter().any(|(.., is_renewed)| !is_renewed);
    Ok((kept.into_iter().map(|(id, fence, cancel, _)| (id, fence, cancel)).collect(), held_up))
}

async fn look(
    conn: &mut PgConnection,
    settle: &Settle,
) -> Result<Vec<(i64, i64, bool)>, sqlx::Error> {
    sqlx::query_as(
        "SELECT id, fence, cancel FROM mcsv_jobs
         WHERE id = ANY ($1) AND state || '' = 'executing' AND lease_owner = $2",
    )
    .bind(&settle.held)
    .bind(&settle.owner)
    .fetch_all(conn)
    .await
}
