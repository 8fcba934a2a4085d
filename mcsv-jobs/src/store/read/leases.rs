use std::time::Duration;

use sqlx::FromRow;

use super::super::{Claimed, Store, now};
use super::json;
use crate::Error;

/// An owner that holds leases in a queue.
#[derive(Clone, Debug, FromRow)]
pub(crate) struct LeaseHolder {
    pub(crate) queue: String,
    pub(crate) owner: String,
    /// Whether any of its leases has run out.
    pub(crate) expired: bool,
}

/// A running job whose lease has run out, or whose owner is dead.
#[derive(Clone, FromRow)]
pub(crate) struct Orphan {
    pub(crate) id: i64,
    pub(crate) fence: i64,
    pub(crate) kind: String,
    pub(crate) args: Vec<u8>,
    pub(crate) attempt: u32,
    pub(crate) max_attempts: u32,
    pub(crate) lease_until: i64,
    pub(crate) traceparent: Option<String>,
    pub(crate) tracestate: Option<String>,
}

impl From<Orphan> for Claimed {
    fn from(orphan: Orphan) -> Self {
        Claimed {
            id: orphan.id,
            fence: orphan.fence,
            kind: orphan.kind,
            args: orphan.args,
            attempt: orphan.attempt,
            max_attempts: orphan.max_attempts,
            inserted_at: 0,
            scheduled_at: 0,
            started_at: 0,
            age: Duration::ZERO,
            traceparent: orphan.traceparent,
            tracestate: orphan.tracestate,
        }
    }
}

/// How many jobs of a queue are in a state, and how long the oldest has been due.
#[derive(Clone, Debug, FromRow)]
pub(crate) struct Depth {
    pub(crate) queue: String,
    pub(crate) state: String,
    pub(crate) count: i64,
    /// Milliseconds since the oldest could have started; negative if that is still to come.
    pub(crate) oldest: i64,
}

impl Store {
    pub(crate) async fn lease_holders(&self) -> Result<Vec<LeaseHolder>, Error> {
        let holders = sqlx::query_as(concat!(
            "SELECT queue, lease_owner AS owner, min(lease_until) <= ",
            now!(),
            " AS expired FROM mcsv_jobs WHERE state = 'executing' GROUP BY queue, lease_owner"
        ))
        .fetch_all(&self.readers)
        .await?;
        Ok(holders)
    }

    pub(crate) async fn orphans(&self, queue: &str, dead: &[String]) -> Result<Vec<Orphan>, Error> {
        let orphans = sqlx::query_as(concat!(
            "SELECT id, fence, kind, args, attempt, max_attempts, lease_until,
                traceparent, tracestate FROM mcsv_jobs
             WHERE queue = ?1 AND state = 'executing' AND (lease_until <= ",
            now!(),
            " OR lease_owner IN (SELECT value FROM json_each(?2))) LIMIT 500"
        ))
        .bind(queue)
        .bind(json(dead)?)
        .fetch_all(&self.readers)
        .await?;
        Ok(orphans)
    }

    /// The unfinished jobs by queue and state, from the partial indexes alone.
    pub(crate) async fn depths(&self) -> Result<Vec<Depth>, Error> {
        let depths = sqlx::query_as(concat!(
            "SELECT queue, state, count(*) AS count, ",
            now!(),
            " - min(scheduled_at) AS oldest FROM mcsv_jobs
             WHERE state IN ('available', 'scheduled', 'retryable', 'executing')
             GROUP BY state, queue"
        ))
        .fetch_all(&self.readers)
        .await?;
        Ok(depths)
    }
}
