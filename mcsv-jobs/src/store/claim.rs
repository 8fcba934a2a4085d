use std::time::Duration;

use super::Claimed;

/// What a driver asks for: new work.
#[derive(Clone)]
pub(crate) struct Claim {
    pub(crate) queue: String,
    pub(crate) owner: String,
    pub(crate) lease: Duration,
    /// How many jobs it can take.
    pub(crate) room: usize,
    /// Whether the last look left some behind, so that there is no need to ask whether there are any.
    pub(crate) is_sure: bool,
    /// Whether the worker runs nothing, so that jobs are to start as soon as they can.
    pub(crate) is_urgent: bool,
    /// Whether the queue had limits when it was last looked.
    pub(crate) is_limited: bool,
}

#[derive(Clone, Default)]
pub(crate) struct ClaimReply {
    pub(crate) claimed: Vec<Claimed>,
    /// Milliseconds until the next job of the queue is due.
    pub(crate) next_due: Option<i64>,
    /// Whether the queue has limits: the end of a job may let another one start elsewhere.
    pub(crate) limited: bool,
}

impl ClaimReply {
    /// Looks again within that many milliseconds, if any.
    pub(super) fn look_within(&mut self, millis: Option<i64>) {
        self.next_due = [self.next_due, millis].into_iter().flatten().min();
    }
}
