use std::fmt;
use std::str::FromStr;

use crate::Error;

/// Where a job stands.
///
/// ```text
///             .--------- snooze / drain / rescue ---------.
///             v                                           |
///  scheduled / available / retryable ----- claim -----> executing
///      |            ^                                     |
///      | cancel     | retry by hand                       | done / out of attempts / cancel
///      v            |                                     v
///  cancelled ------ completed, discarded, cancelled <-----'
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum State {
    /// It can start as soon as a worker is free.
    Available,
    /// It waits for the time that it was enqueued or snoozed for.
    Scheduled,
    /// A worker holds it.
    Executing,
    /// An attempt failed; it waits for the next one.
    Retryable,
    /// It is done.
    Completed,
    /// A dead letter: it failed for good, or ran out of attempts.
    Discarded,
    /// It was called off.
    Cancelled,
}

impl State {
    /// Every state, in the order of a job's life.
    pub const ALL: [State; 7] = [
        State::Available,
        State::Scheduled,
        State::Executing,
        State::Retryable,
        State::Completed,
        State::Discarded,
        State::Cancelled,
    ];

    /// The states of a job that is not ended.
    pub const UNFINISHED: [State; 4] =
        [State::Available, State::Scheduled, State::Executing, State::Retryable];

    /// The name, in lower case.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            State::Available => "available",
            State::Scheduled => "scheduled",
            State::Executing => "executing",
            State::Retryable => "retryable",
            State::Completed => "completed",
            State::Discarded => "discarded",
            State::Cancelled => "cancelled",
        }
    }

    /// Whether the job is ended: only [`Jobs::retry`](crate::Jobs::retry) brings it back.
    #[must_use]
    pub const fn is_finished(self) -> bool {
        matches!(self, State::Completed | State::Discarded | State::Cancelled)
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for State {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        State::ALL.into_iter().find(|state| state.as_str() == name).ok_or_else(|| {
            Error::invalid("unknown job state: give one such as \"available\" or \"discarded\"")
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_state_reads_its_own_name() {
        for state in State::ALL {
            assert_eq!(state.as_str().parse::<State>().unwrap(), state);
        }
    }

    #[test]
    fn unfinished_are_those_that_are_not_finished() {
        for state in State::ALL {
            assert_eq!(State::UNFINISHED.contains(&state), !state.is_finished());
        }
    }
}
