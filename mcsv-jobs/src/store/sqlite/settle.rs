use std::pin::Pin;

use sqlx::SqliteConnection;

use super::enqueue::json;
use super::progress::keep;
use super::script::{Answers, Script};
use super::writer::Durability;
use super::{Write, ack, complete, now};
use crate::store::{Accepted, Ack, Completions, Leases, Settle, SettleReply, Settled};

/// Adds the statements of plain completions to a script; [`read`] takes their answers.
///
/// What else there is to tell are failures, results and follow-ups, leases and reports: they ask one
/// thing after the other.
pub(super) fn write<'a>(
    script: &mut Script<'a>,
    settle: &'a Settle,
) -> Result<Vec<Completions>, sqlx::Error> {
    let acks: Vec<&Ack> = settle.acks.iter().collect();
    complete::write(script, &settle.owner, &acks)
}

pub(super) fn read(
    answers: &mut Answers,
    completions: Vec<Completions>,
) -> Result<SettleReply, sqlx::Error> {
    let accepted = complete::read(answers, completions)?.into_iter();
    let accepted = accepted.map(|id| Accepted { id, follow_ups: Vec::new() }).collect();
    Ok(SettleReply { accepted, ..SettleReply::default() })
}

impl Write for Settle {
    type Reply = SettleReply;

    /// A lease that a power cut takes back belonged to a worker that is gone, too. A completion that
    /// is taken back makes its job run again, as it does whenever the power is cut between the two.
    /// What others go by, such as a follow-up, has to stay.
    fn durability(&self) -> Durability {
        if self.acks.is_empty() {
            Durability::Later
        } else if self.is_plain() {
            Durability::Soon
        } else {
            Durability::Now
        }
    }

    fn apply<'a>(
        &'a self,
        conn: &'a mut SqliteConnection,
    ) -> Pin<Box<dyn Future<Output = Result<SettleReply, sqlx::Error>> + Send + 'a>> {
        Box::pin(async move {
            keep(conn, &self.reports).await?;
            let Settled { accepted, completions } =
                ack::settle(conn, &self.owner, &self.acks).await?;
            let kept = match self.leases {
                Leases::Renew => Some(renew(conn, self).await?),
                Leases::Look => Some(look(conn, self).await?),
                Leases::Leave => None,
            };
            Ok(SettleReply { accepted, kept, completions, ..SettleReply::default() })
        })
    }
}

async fn renew(
    conn: &mut SqliteConnection,
    settle: &Settle,
) -> Result<Vec<(i64, i64, bool)>, sqlx::Error> {
    if settle.held.is_empty() {
        return Ok(Vec::new());
    }
    sqlx::query_as(concat!(
        "UPDATE mcsv_jobs SET lease_until = ?3 + ",
        now!(),
        " WHERE id IN (SELECT value FROM json_each(?1))
            AND +state = 'executing' AND lease_owner = ?2
         RETURNING id, fence, cancel <> 0"
    ))
    .bind(json(&settle.held)?)
    .bind(&settle.owner)
    .bind(crate::new_job::millis(settle.lease))
    .fetch_all(conn)
    .await
}

async fn look(
    conn: &mut SqliteConnection,
    settle: &Settle,
) -> Result<Vec<(i64, i64, bool)>, sqlx::Error> {
    if settle.held.is_empty() {
        return Ok(Vec::new());
    }
    sqlx::query_as(
        "SELECT id, fence, cancel <> 0 FROM mcsv_jobs
         WHERE id IN (SELECT value FROM json_each(?1))
            AND +state = 'executing' AND lease_owner = ?2",
    )
    .bind(json(&settle.held)?)
    .bind(&settle.owner)
    .fetch_all(conn)
    .await
}
