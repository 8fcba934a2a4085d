use std::fmt;

use crate::history::{Illegal, Snapshot, rebuild};
use crate::record::time;
use crate::store::Audited;
use crate::{Event, JobId, State, Transition};

/// The most differences that a report keeps.
const KEPT: usize = 1_000;
/// The most errors that a row keeps.
const ERRORS: usize = 20;

/// What [`Jobs::verify`](crate::Jobs::verify) found.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct Verification {
    /// The jobs that were rebuilt.
    pub jobs: u64,
    /// The events that they were rebuilt from.
    pub events: u64,
    /// The first 1,000 differences: those of rows, then those of jobs without one, each in the order
    /// of the jobs.
    pub differences: Vec<Difference>,
    /// How many more there are.
    pub more: u64,
}

/// One way in which a job's row and its events do not agree.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Difference {
    /// The job.
    pub id: JobId,
    /// What is wrong with it.
    pub problem: Problem,
}

/// What can be wrong between a row and its log.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Problem {
    /// The row has no event at all, and more has happened to it than to one that may have none
    /// ([`Retention::ForgetCompleted`](crate::Retention::ForgetCompleted)).
    NoEvents,
    /// There is no row, but by its events the job has not ended.
    NoRow {
        /// The state that the events leave it in.
        state: State,
    },
    /// An event can't follow on those before it.
    Impossible {
        /// Its place in the log.
        sequence: i64,
        /// What it says, and after what.
        why: String,
    },
    /// A column is not what the events make it.
    Column {
        /// Its name.
        name: &'static str,
        /// What the row has.
        row: String,
        /// What the events say.
        log: String,
    },
}

impl Verification {
    /// Whether every row is what its events make it.
    #[must_use]
    pub fn is_sound(&self) -> bool {
        self.differences.is_empty()
    }

    pub(crate) fn add(&mut self, audited: &Audited) {
        self.jobs += 1;
        self.events += audited.events.len() as u64;
        let Ok(id) = JobId::new(audited.row.id) else { return };
        for problem in problems(audited) {
            self.push(id, problem);
        }
    }

    /// A job without a row, whose last event is no end.
    pub(crate) fn add_vanished(&mut self, id: JobId, state: State) {
        self.push(id, Problem::NoRow { state });
    }

    fn push(&mut self, id: JobId, problem: Problem) {
        if self.differences.len() < KEPT {
            self.differences.push(Difference { id, problem });
        } else {
            self.more += 1;
        }
    }
}

impl fmt::Display for Verification {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} jobs rebuilt from {} events", self.jobs, self.events)?;
        for difference in &self.differences {
            write!(f, "; {difference}")?;
        }
        match self.more {
            0 => Ok(()),
            more => write!(f, "; {more} differences more"),
        }
    }
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "job {}: ", self.id)?;
        match &self.problem {
            Problem::NoEvents => f.write_str("no events"),
            Problem::NoRow { state } => write!(f, "no row, but it is {state} by the log"),
            Problem::Impossible { sequence, why } => write!(f, "event {sequence}: {why}"),
            Problem::Column { name, row, log } => {
                write!(f, "{name} is {row} in the row, {log} by the log")
            }
        }
    }
}

fn problems(audited: &Audited) -> Vec<Problem> {
    if !audited.row.is_logged {
        return unlogged(audited).into_iter().collect();
    }
    match rebuild(&audited.events) {
        Ok(Some(log)) => columns(audited, &log),
        Ok(None) => vec![Problem::NoEvents],
        Err(Illegal { sequence, why }) => vec![Problem::Impossible { sequence, why }],
    }
}

/// A job without a log has none, and waits for its first start or runs for the first time.
fn unlogged(Audited { row, events }: &Audited) -> Option<Problem> {
    if let Some(event) = events.first() {
        let why = format!("{} of a job that is not logged", event.transition);
        return Some(Problem::Impossible { sequence: event.sequence, why });
    }
    let is_early = match row.state.as_str() {
        "available" | "scheduled" => row.fence == 0,
        "executing" => row.fence == 1,
        _ => false,
    };
    (!is_early || row.cancel).then_some(Problem::NoEvents)
}

fn columns(audited: &Audited, log: &Snapshot) -> Vec<Problem> {
    let row = &audited.row;
    let mut found = Vec::new();
    let mut compare = |name, row: &dyn fmt::Debug, log: &dyn fmt::Debug| {
        let (row, log) = (format!("{row:?}"), format!("{log:?}"));
        if row != log {
            found.push(Problem::Column { name, row, log });
        }
    };
    let runs = log.state == State::Executing;
    let holder = runs.then_some(log.attempted_by.as_str());
    compare("state", &row.state.as_str(), &log.state.as_str());
    compare("attempt", &row.attempt, &log.attempt);
    compare("fence", &row.fence, &log.starts);
    compare("inserted_at", &time(row.inserted_at), &log.inserted_at);
    compare("attempted_at", &row.attempted_at.map(time), &log.attempted_at);
    compare("attempted_by", &row.attempted_by.as_deref().unwrap_or_default(), &log.attempted_by);
    compare("finished_at", &row.finished_at.map(time), &log.finished_at);
    compare("cancel", &row.cancel, &log.cancel_requested);
    compare("lease_owner", &row.lease_owner.as_deref(), &holder);
    if let Some(errors) = errors(&audited.events) {
        compare("errors", &row.errors(), &errors);
    }
    found
}

/// The errors that the row keeps, the newest last. None where a late cancel hides whether its
/// attempt had failed.
fn errors(events: &[Event]) -> Option<Vec<&str>> {
    let hidden = events.windows(2).any(|pair| {
        let transitions = (pair[0].transition, pair[1].transition);
        transitions == (Transition::CancelRequested, Transition::Cancelled)
    });
    let failed = |event: &&Event| {
        use Transition::{Discarded, Rescued, Retried};
        matches!(event.transition, Retried | Rescued | Discarded)
    };
    let errors: Vec<&str> = events.iter().filter(failed).map(|event| &*event.detail).collect();
    (!hidden).then(|| errors[errors.len().saturating_sub(ERRORS)..].to_vec())
}
