use std::collections::BTreeMap;
use std::time::Duration;

use crate::State;

/// How many jobs of a queue are in each state.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct QueueStats {
    /// The queue.
    pub queue: String,
    /// The states that any job is in, with their numbers.
    pub counts: BTreeMap<State, u64>,
}

impl QueueStats {
    pub(crate) fn empty(queue: &str) -> Self {
        QueueStats { queue: queue.to_owned(), counts: BTreeMap::new() }
    }

    /// How many jobs are in `state`.
    #[must_use]
    pub fn count(&self, state: State) -> u64 {
        self.counts.get(&state).copied().unwrap_or(0)
    }

    /// How many jobs are not ended.
    #[must_use]
    pub fn unfinished(&self) -> u64 {
        State::UNFINISHED.into_iter().map(|state| self.count(state)).sum()
    }
}

/// How many jobs of a kind are in a state of waiting or running, and how long they have been due.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Depth {
    /// The queue.
    pub queue: String,
    /// What kind of job.
    pub kind: String,
    /// One of [`State::UNFINISHED`].
    pub state: State,
    /// How many there are: at least one.
    pub count: u64,
    /// How long ago the oldest of them could have started, by the database's clock; zero where that
    /// is still to come.
    pub oldest: Duration,
}

/// How much [`Jobs::prune`](crate::Jobs::prune) deleted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Pruned {
    /// Ended jobs.
    pub jobs: u64,
    /// Events of jobs that are gone.
    pub events: u64,
}
