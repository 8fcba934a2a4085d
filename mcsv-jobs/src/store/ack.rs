use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::{Claimed, Completion, Inserted, Row};
use crate::{Retention, State, Transition};

/// How one attempt ended, with the fence under which it ran.
#[derive(Clone)]
pub(crate) struct Ack {
    pub(crate) id: i64,
    pub(crate) fence: i64,
    /// When the attempt began, by the database's clock.
    pub(crate) started_at: i64,
    pub(crate) fate: Fate,
    /// Enqueued in the same transaction, and only if the fence still holds.
    pub(crate) follow_ups: Vec<Row>,
    /// Set by a rescuer: the lease as it was seen. A lease that was extended since is alive.
    pub(crate) seen_lease: Option<i64>,
    /// Whether its end may be the end of its batch.
    pub(crate) may_end_batch: bool,
    /// Whether a transaction of the handler's own may have completed the job already: then this is
    /// refused, and what it says holds only if that was rolled back.
    pub(crate) may_be_done: bool,
    /// Whether the job was in the log when it was claimed.
    pub(crate) is_logged: bool,
}

impl Ack {
    /// What becomes of a job that was claimed, and nothing more.
    pub(crate) fn of(claimed: &Claimed, fate: Fate) -> Self {
        Ack {
            id: claimed.id,
            fence: claimed.fence,
            started_at: claimed.started_at,
            fate,
            follow_ups: Vec::new(),
            seen_lease: None,
            may_end_batch: claimed.batch_id.is_some(),
            may_be_done: false,
            is_logged: claimed.is_logged,
        }
    }

    /// Whether it completes its job and says no more about it.
    pub(super) fn is_plain(&self) -> bool {
        let Fate { state, error, result, detail, .. } = &self.fate;
        let silent = error.is_none() && result.is_none() && detail.is_empty();
        *state == State::Completed && silent && !self.may_end_batch && self.seen_lease.is_none()
    }
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
    /// What becomes of the row, if this completes the job.
    pub(crate) retention: Retention,
}

/// Plain completions that one statement can write.
pub(super) struct Completions {
    pub(super) fence: i64,
    /// Whether the rows stay.
    pub(super) keep: bool,
    pub(super) ids: Vec<i64>,
    /// When their attempts began: an attempt of another time is another one.
    pub(super) started: Vec<i64>,
}

/// Almost all acks have the fence 1: mostly it is one group.
pub(super) fn completions(acks: &[&Ack]) -> Vec<Completions> {
    let mut groups: BTreeMap<(i64, bool), (Vec<i64>, BTreeSet<i64>)> = BTreeMap::new();
    for ack in acks {
        let keep = ack.fate.retention == Retention::Keep;
        let (ids, started) = groups.entry((ack.fence, keep)).or_default();
        ids.push(ack.id);
        started.insert(ack.started_at);
    }
    let groups = groups.into_iter().map(|((fence, keep), (mut ids, started))| {
        ids.sort_unstable();
        Completions { fence, keep, ids, started: started.into_iter().collect() }
    });
    groups.collect()
}

/// The jobs that were not in the log when they were claimed.
pub(super) fn unlogged(acks: &[&Ack]) -> Vec<i64> {
    acks.iter().filter(|ack| !ack.is_logged).map(|ack| ack.id).collect()
}

/// What became of the acks of a turn.
#[derive(Clone, Default)]
pub(crate) struct Settled {
    pub(crate) accepted: Vec<Accepted>,
    /// Those of the batches that ended with them.
    pub(crate) completions: Vec<Completion>,
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
