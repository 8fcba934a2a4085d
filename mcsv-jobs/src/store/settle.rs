use std::time::Duration;

use serde::Serialize;

use super::{Accepted, Ack, Completion};

/// What a driver tells of its jobs: how they ended, what they said, and that it still has the others.
#[derive(Clone)]
pub(crate) struct Settle {
    pub(crate) owner: String,
    pub(crate) lease: Duration,
    pub(crate) acks: Vec<Ack>,
    /// The jobs that are held.
    pub(crate) held: Vec<i64>,
    /// What to do about their leases.
    pub(crate) leases: Leases,
    /// What running jobs said of themselves.
    pub(crate) reports: Vec<Report>,
    /// Whether to leave the rows alone that somebody has locked, and say which these are. It takes
    /// longer, so it is for after a failure.
    pub(crate) around_locks: bool,
}

/// What a running job said of itself, under the fence of its attempt.
#[derive(Clone, Serialize)]
pub(crate) struct Report {
    pub(crate) id: i64,
    pub(crate) fence: i64,
    pub(crate) text: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Leases {
    Leave,
    /// Read whether they are still held, and wanted.
    Look,
    /// The same, and extend them.
    Renew,
}

impl Settle {
    /// Whether there is nothing to tell.
    pub(crate) fn is_empty(&self) -> bool {
        self.acks.is_empty() && self.reports.is_empty() && self.leaves_leases()
    }

    /// Whether it has nothing but plain completions to tell.
    pub(super) fn is_plain(&self) -> bool {
        let acks = self.acks.iter().all(|ack| ack.is_plain() && ack.follow_ups.is_empty());
        acks && self.reports.is_empty() && self.leaves_leases() && !self.around_locks
    }

    fn leaves_leases(&self) -> bool {
        self.held.is_empty() || self.leases == Leases::Leave
    }
}

#[derive(Clone, Default)]
pub(crate) struct SettleReply {
    pub(crate) accepted: Vec<Accepted>,
    /// The held jobs that are still this owner's: id, fence, and whether somebody called them off.
    /// None if nobody looked.
    pub(crate) kept: Option<Vec<(i64, i64, bool)>>,
    /// Whether any lease could not be renewed because its row is locked.
    pub(crate) held_up: bool,
    /// Those of the batches that ended with them.
    pub(crate) completions: Vec<Completion>,
    /// The jobs whose outcomes wait for whoever has locked their rows.
    pub(crate) locked: Vec<i64>,
}
