//! What is changed from outside of a worker.

use std::time::Duration;

use super::{Completion, Row};
use crate::{BatchId, Filter, JobId, Limits, State};

/// Calls one job off.
pub(crate) struct Cancel(pub(crate) JobId);

/// The state that the job is in after a cancel, and whether the cancel changed anything.
#[derive(Clone)]
pub(crate) struct CancelReply {
    pub(crate) state: State,
    pub(crate) changed: bool,
    /// The completion, where its batch ended with it.
    pub(crate) completions: Vec<Completion>,
}

/// Puts ended jobs back, with a full budget of attempts and of time.
pub(crate) struct Requeue(pub(crate) RequeueWhich);

pub(crate) enum RequeueWhich {
    One(JobId),
    Matching(Filter),
}

/// Stops the starts of a queue's jobs, or lets them go on.
pub(crate) enum Pause {
    Begin(String),
    End(String),
}

/// The most waiting jobs of a limited queue that one claim looks at.
pub(crate) const LIMITED_WINDOW: usize = 500;

/// Bounds what the workers of a queue do together.
pub(crate) struct SetLimits {
    pub(crate) queue: String,
    pub(crate) limits: Limits,
}

/// A batch with its jobs, and with what follows on their end.
#[derive(Clone)]
pub(crate) struct NewBatch {
    pub(crate) id: BatchId,
    pub(crate) rows: Vec<Row>,
    pub(crate) completion: Option<Row>,
}

/// Ends those of these batches of which no job is unfinished.
pub(crate) struct CloseBatches(pub(crate) Vec<i64>);

/// One tick of a schedule: whoever writes it first enqueues its job, in the same transaction.
pub(crate) struct TickOnce {
    pub(crate) name: String,
    /// Minutes since 1970.
    pub(crate) tick: i64,
    /// None lets it go by.
    pub(crate) row: Option<Row>,
}

/// The most rows that one transaction deletes: others want to write too.
pub(crate) const PRUNE_STEP: u64 = 2_000;

/// Deletes one step of old jobs and old events.
pub(crate) struct Prune {
    pub(crate) finished_older_than: Duration,
    pub(crate) events_older_than: Duration,
}
