use std::pin::Pin;
use std::time::Duration;

use sqlx::SqliteConnection;

use super::ack::{Accepted, Ack, settle};
use super::claim::{Claimed, claim};
use super::enqueue::json;
use super::{Write, now};

/// Everything that a driver wants of one transaction: acks, then leases, then new work.
#[derive(Clone)]
pub(crate) struct Turn {
    pub(crate) queue: String,
    pub(crate) owner: String,
    pub(crate) lease: Duration,
    pub(crate) acks: Vec<Ack>,
    /// The jobs that are held.
    pub(crate) held: Vec<i64>,
    /// What to do about their leases.
    pub(crate) leases: Leases,
    /// How many more can be taken.
    pub(crate) room: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Leases {
    Leave,
    /// Read whether they are still held, and wanted.
    Look,
    /// The same, and extend them.
    Renew,
}

impl Leases {
    pub(crate) fn look_if(changed: bool) -> Self {
        if changed { Leases::Look } else { Leases::Leave }
    }
}

impl Turn {
    /// Whether there is nothing at all to do.
    pub(crate) fn is_idle(&self) -> bool {
        let leases = self.held.is_empty() || self.leases == Leases::Leave;
        self.acks.is_empty() && leases && self.room == 0
    }
}

#[derive(Clone, Default)]
pub(crate) struct TurnReply {
    pub(crate) accepted: Vec<Accepted>,
    /// The held jobs that are still this owner's: id, fence, and whether somebody called them off.
    /// None if nobody looked.
    pub(crate) kept: Option<Vec<(i64, i64, bool)>>,
    pub(crate) claimed: Vec<Claimed>,
    /// Milliseconds until the next job of the queue is due.
    pub(crate) next_due: Option<i64>,
}

impl Write for Turn {
    type Reply = TurnReply;

    fn apply<'a>(
        &'a self,
        conn: &'a mut SqliteConnection,
    ) -> Pin<Box<dyn Future<Output = Result<TurnReply, sqlx::Error>> + Send + 'a>> {
        Box::pin(async move {
            let accepted = settle(conn, &self.acks).await?;
            let kept = match self.leases {
                Leases::Renew => Some(renew(conn, self).await?),
                Leases::Look => Some(look(conn, self).await?),
                Leases::Leave => None,
            };
            let claimed = match self.room {
                0 => Vec::new(),
                room => claim(conn, &self.queue, &self.owner, self.lease, room).await?,
            };
            let full = claimed.len() == self.room;
            let next_due = if full { None } else { next_due(conn, &self.queue).await? };
            Ok(TurnReply { accepted, kept, claimed, next_due })
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
        " FROM mcsv_jobs WHERE queue = ?1 AND state IN ('scheduled', 'retryable')"
    ))
    .bind(queue)
    .fetch_one(conn)
    .await
}
