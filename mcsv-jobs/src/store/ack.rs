use std::collections::{BTreeSet, HashMap};

use super::{Inserted, Row};
use crate::{State, Transition};

/// How one attempt ended, with the fence under which it ran.
#[derive(Clone)]
pub(crate) struct Ack {
    pub(crate) id: i64,
    pub(crate) fence: i64,
    pub(crate) fate: Fate,
    /// Enqueued in the same transaction, and only if the fence still holds.
    pub(crate) follow_ups: Vec<Row>,
    /// Set by a rescuer: the lease as it was seen. A lease that was extended since is alive.
    pub(crate) seen_lease: Option<i64>,
}

/// What becomes of a job after an attempt.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Fate {
    pub(crate) transition: Transition,
    pub(crate) state: State,
    /// Milliseconds until it may start again.
    pub(crate) delay: i64,
    /// How many attempts are given back: those that a snooze or a drain did not use.
    pub(crate) given_back: u32,
    pub(crate) error: Option<String>,
    pub(crate) result: Option<String>,
    pub(crate) detail: String,
}

/// What became of the acks of a turn.
#[derive(Clone, Default)]
pub(crate) struct Settled {
    pub(crate) accepted: Vec<Accepted>,
    /// The queues of jobs that were enqueued because their batches ended.
    pub(crate) rung: Vec<String>,
}

/// An ack that the fence let through.
#[derive(Clone, Debug)]
pub(crate) struct Accepted {
    pub(crate) id: i64,
    pub(crate) follow_ups: Vec<Inserted>,
}

/// The batches that accepted acks may have ended, each once and in their order.
pub(super) fn ended_batches(accepted: &HashMap<i64, Option<i64>>) -> Vec<i64> {
    let batches: BTreeSet<i64> = accepted.values().flatten().copied().collect();
    batches.into_iter().collect()
}
