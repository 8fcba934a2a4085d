use std::time::Duration;

use super::Row;
use crate::from_row::from_row;
use crate::new_job::from_millis;
use crate::{Depth, Error};

/// A job that is leased to a worker of this process.
#[derive(Clone)]
pub(crate) struct Claimed {
    pub(crate) id: i64,
    pub(crate) fence: i64,
    pub(crate) kind: String,
    pub(crate) args: Vec<u8>,
    pub(crate) attempt: u32,
    pub(crate) max_attempts: u32,
    pub(crate) inserted_at: i64,
    pub(crate) scheduled_at: i64,
    pub(crate) started_at: i64,
    /// How long ago the job's budget of attempts and time began.
    pub(crate) age: Duration,
    pub(crate) traceparent: Option<String>,
    pub(crate) tracestate: Option<String>,
    pub(crate) batch_id: Option<i64>,
    /// What follows on it, as text.
    pub(crate) chain: Option<String>,
    /// The key that the arguments are sealed with.
    pub(crate) key_id: Option<String>,
    /// Whether its events were in the log when it was claimed.
    pub(crate) is_logged: bool,
}

impl Claimed {
    /// A row that was inserted as the job `id` and has started, both at `now`.
    pub(super) fn at_once(row: &Row, id: i64, now: i64) -> Self {
        Claimed {
            id,
            fence: 1,
            kind: row.kind.clone(),
            args: row.args.clone(),
            attempt: 1,
            max_attempts: row.max_attempts,
            inserted_at: now,
            scheduled_at: now,
            started_at: now,
            age: Duration::ZERO,
            traceparent: Some(row.traceparent.clone()),
            tracestate: row.tracestate.clone(),
            batch_id: row.batch_id,
            chain: row.chain.clone(),
            key_id: row.key_id.clone(),
            is_logged: row.is_logged,
        }
    }
}

/// An owner that holds leases in a queue.
#[derive(Clone, Debug)]
pub(crate) struct LeaseHolder {
    pub(crate) queue: String,
    pub(crate) owner: String,
    /// Whether any of its leases has run out.
    pub(crate) expired: bool,
}

/// A running job whose lease has run out, or whose owner is dead.
#[derive(Clone)]
pub(crate) struct Orphan {
    pub(crate) id: i64,
    pub(crate) fence: i64,
    pub(crate) owner: String,
    pub(crate) kind: String,
    pub(crate) args: Vec<u8>,
    pub(crate) attempt: u32,
    pub(crate) max_attempts: u32,
    pub(crate) lease_until: i64,
    /// How long ago the job's budget of attempts and time began.
    pub(crate) age: Duration,
    pub(crate) traceparent: Option<String>,
    pub(crate) tracestate: Option<String>,
    pub(crate) key_id: Option<String>,
    pub(crate) is_logged: bool,
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
            age: orphan.age,
            traceparent: orphan.traceparent,
            tracestate: orphan.tracestate,
            batch_id: None,
            chain: None,
            key_id: orphan.key_id,
            is_logged: orphan.is_logged,
        }
    }
}

/// A [`Depth`] as it is counted.
pub(super) struct DepthRow {
    queue: String,
    kind: String,
    state: String,
    count: i64,
    /// Milliseconds since the oldest could have started; negative if that is still to come.
    oldest: i64,
}

impl TryFrom<DepthRow> for Depth {
    type Error = Error;

    fn try_from(counted: DepthRow) -> Result<Self, Error> {
        Ok(Depth {
            queue: counted.queue,
            kind: counted.kind,
            state: counted.state.parse()?,
            count: u64::try_from(counted.count).unwrap_or(0),
            oldest: from_millis(counted.oldest),
        })
    }
}

from_row!(LeaseHolder { queue: String, owner: String, expired: bool });

from_row!(DepthRow { queue: String, kind: String, state: String, count: i64, oldest: i64 });
