use std::time::Duration;

use serde::Serialize;

use super::{Accepted, Ack, Claimed};

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
    /// What running jobs said of themselves.
    pub(crate) reports: Vec<Report>,
    /// Whether the queue had limits when it was last looked.
    pub(crate) is_limited: bool,
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

impl Leases {
    pub(crate) fn look_if(changed: bool) -> Self {
        if changed { Leases::Look } else { Leases::Leave }
    }
}

impl Turn {
    /// Whether there is nothing at all to do.
    pub(crate) fn is_idle(&self) -> bool {
        self.acks.is_empty() && self.leaves_leases() && self.room == 0 && self.reports.is_empty()
    }

    pub(crate) fn leaves_leases(&self) -> bool {
        self.held.is_empty() || self.leases == Leases::Leave
    }

    pub(super) fn only_claims(&self) -> bool {
        self.acks.is_empty() && self.leaves_leases() && self.reports.is_empty() && self.room > 0
    }

    /// A turn that claims as much, of a queue with limits, and does nothing else.
    pub(super) fn limited(&self) -> Self {
        Turn {
            queue: self.queue.clone(),
            owner: self.owner.clone(),
            lease: self.lease,
            acks: Vec::new(),
            held: Vec::new(),
            leases: Leases::Leave,
            room: self.room,
            reports: Vec::new(),
            is_limited: true,
        }
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
    /// The queues of jobs that were enqueued because their batches ended.
    pub(crate) rung: Vec<String>,
    /// Whether the queue has limits: the end of a job may let another one start elsewhere.
    pub(crate) limited: bool,
}

impl TurnReply {
    /// Looks again within that many milliseconds, if any.
    pub(super) fn look_within(&mut self, millis: Option<i64>) {
        self.next_due = [self.next_due, millis].into_iter().flatten().min();
    }
}
