use std::time::Duration;

use crate::{Error, Policy, State};

/// How long a unique key stands, and what becomes of the job that has it when another one is enqueued.
///
/// A unique index of the database holds it, so there is no race. By default a key stands until its job
/// has ended, and the job that is there stays as it is.
///
/// ```
/// use mcsv_jobs::{Replace, State, Unique};
/// use std::time::Duration;
///
/// // One report for each day in UTC, also if the first has been made long ago.
/// let daily = Unique::once_per(Duration::from_secs(24 * 60 * 60));
/// assert!(daily.states().any(|state| state == State::Completed));
///
/// // What changes while the index is being built asks for one more run; while one waits, it is put
/// // off, and runs with the newest arguments.
/// let debounced = Unique::until_started().with_replace([Replace::Args, Replace::Start]);
/// assert!(!debounced.states().any(|state| state == State::Executing));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unique {
    states: u8,
    period: Option<Duration>,
    replace: u8,
}

/// What a job that is enqueued again changes of the one that waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Replace {
    /// The arguments.
    Args,
    /// When it starts.
    Start,
    /// The priority.
    Priority,
    /// The most attempts.
    MaxAttempts,
}

const FIRST_START: u8 = bit(State::Available) | bit(State::Scheduled);
const LATER: u8 = bit(State::Executing) | bit(State::Retryable);
const UNFINISHED: u8 = FIRST_START | LATER;

impl Unique {
    /// Until the job has ended.
    #[must_use]
    pub fn until_finished() -> Self {
        Unique { states: UNFINISHED, period: None, replace: 0 }
    }

    /// Until the job starts for the first time: while it runs, another one can wait for its turn.
    #[must_use]
    pub fn until_started() -> Self {
        Unique { states: FIRST_START, ..Self::until_finished() }
    }

    /// One in each `period`, that has completed or still may; see [`with_period`](Self::with_period).
    ///
    /// It lasts as long as the job's row: keep it for the period, see
    /// [`Retention`](crate::Retention) and [`Jobs::prune`](crate::Jobs::prune).
    #[must_use]
    pub fn once_per(period: Duration) -> Self {
        let states = UNFINISHED | bit(State::Completed);
        Unique { states, ..Self::until_finished() }.with_period(period)
    }

    /// While the job is in one of these states.
    ///
    /// [`Available`](State::Available) and [`Scheduled`](State::Scheduled) must be among them,
    /// [`Executing`](State::Executing) and [`Retryable`](State::Retryable) both or neither, and those of
    /// ended jobs only with these: a key that was given up could be another job's by the time that this
    /// one wants it back. To enqueue a job with other states is an error. Without `Executing` it ends
    /// with the first start for good, also if the job waits again later.
    #[must_use]
    pub fn with_states(mut self, states: impl IntoIterator<Item = State>) -> Self {
        self.states = states.into_iter().fold(0, |states, state| states | bit(state));
        self
    }

    /// Only against jobs that were to start in the same period, by the database's clock: time is cut
    /// into stretches of this length, from 1970 on in UTC, so that one of a day begins at midnight.
    /// From 1 ms to [`Policy::LONGEST`].
    #[must_use]
    pub fn with_period(mut self, period: Duration) -> Self {
        self.period = Some(period.clamp(Duration::from_millis(1), Policy::LONGEST));
        self
    }

    /// Has a job that waits take this over from the one that is enqueued in vain.
    ///
    /// One that runs or has ended stays as it is. [`Enqueued::is_replaced`](crate::Enqueued::is_replaced)
    /// tells which it was.
    #[must_use]
    pub fn with_replace(mut self, what: impl IntoIterator<Item = Replace>) -> Self {
        self.replace = what.into_iter().fold(0, |all, one| all | one.bit());
        self
    }

    /// The states in which the key stands.
    pub fn states(&self) -> impl Iterator<Item = State> + use<> {
        let states = self.states;
        State::ALL.into_iter().filter(move |state| states & bit(*state) != 0)
    }

    /// The length of a period, if it has any.
    #[must_use]
    pub fn period(&self) -> Option<Duration> {
        self.period
    }

    pub(crate) fn check(&self) -> Result<(), Error> {
        let has = |states| self.states & states == states;
        let later = self.states & LATER;
        let is_whole = has(FIRST_START) && (later == 0 || later == LATER);
        if is_whole && (later == LATER || self.states == FIRST_START) {
            return Ok(());
        }
        let states: Vec<State> = self.states().collect();
        Err(Error::invalid(format!(
            "unique in the states {states:?}: give Available and Scheduled, and beside them Executing \
             with Retryable, and with these any of Completed, Discarded and Cancelled"
        )))
    }

    /// As the database has them: the states as bits, the period in milliseconds or zero, and what is
    /// replaced as bits.
    pub(crate) fn to_columns(self) -> (u8, i64, u8) {
        (self.states, self.period.map_or(0, crate::new_job::millis), self.replace)
    }
}

impl Default for Unique {
    /// [`until_finished`](Unique::until_finished).
    fn default() -> Self {
        Self::until_finished()
    }
}

impl Replace {
    pub(crate) const fn bit(self) -> u8 {
        1 << self as u8
    }
}

/// The order is that of the constraint on the column `state`.
const fn bit(state: State) -> u8 {
    match state {
        State::Available => 1,
        State::Scheduled => 2,
        State::Executing => 4,
        State::Retryable => 8,
        State::Completed => 16,
        State::Discarded => 32,
        State::Cancelled => 64,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_states_that_a_key_is_never_taken_back_in_are_good() {
        use State::{Available, Completed, Executing, Retryable, Scheduled};
        let good = [
            Unique::until_finished(),
            Unique::until_started(),
            Unique::once_per(Duration::from_secs(1)),
            Unique::default().with_states(State::ALL),
            Unique::default().with_states([Scheduled, Available]),
        ];
        for unique in good {
            unique.check().unwrap();
        }
        let bad: [&[State]; 6] = [
            &[],
            &[Available],
            &[Scheduled, Executing, Retryable],
            &[Available, Scheduled, Executing],
            &[Available, Scheduled, Retryable, Completed],
            &[Available, Scheduled, Completed],
        ];
        for states in bad {
            let refused = Unique::default().with_states(states.iter().copied()).check();
            assert!(refused.unwrap_err().to_string().contains(&format!("{states:?}")));
        }
    }

    #[test]
    fn a_period_is_at_least_a_millisecond() {
        let unique = Unique::once_per(Duration::ZERO);
        assert_eq!(unique.to_columns(), (31, 1, 0));
    }
}
