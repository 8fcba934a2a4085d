use std::fmt;
use std::str::FromStr;
use std::time::SystemTime;

use crate::{Error, JobId, State};

/// One transition of a job, written in the transaction that made it.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Event {
    /// Its number, which no other event of the database has. Of one job, a later event has a higher
    /// one; of different jobs it is about the order in which they happened.
    pub sequence: i64,
    /// The job.
    pub job: JobId,
    /// When it happened, by the database's clock.
    pub at: SystemTime,
    /// What happened.
    pub transition: Transition,
    /// The state that the job had afterwards.
    pub state: State,
    /// The attempts that were used up afterwards.
    pub attempt: u32,
    /// Who held the job; empty where nobody did.
    pub worker: String,
    /// The error, the reason or the delay; empty where there is none.
    pub detail: String,
}

/// What can happen to a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Transition {
    /// It was put in.
    Enqueued,
    /// A worker claimed it: one attempt begins.
    Started,
    /// Its handler was done.
    Completed,
    /// An attempt failed and another one will follow.
    Retried,
    /// Its handler asked to be called later; no attempt was used up.
    Snoozed,
    /// Its worker gave it back unfinished when it shut down; no attempt was used up.
    Released,
    /// Its worker was gone: it can start again.
    Rescued,
    /// It became a dead letter.
    Discarded,
    /// Somebody asked a running job to stop.
    CancelRequested,
    /// It was called off.
    Cancelled,
    /// Somebody put an ended job back, with a full budget of attempts.
    Requeued,
    /// A job of the same unique key was enqueued, from which it took something over while it waited.
    Replaced,
}

impl Transition {
    const ALL: [Transition; 12] = [
        Transition::Enqueued,
        Transition::Started,
        Transition::Completed,
        Transition::Retried,
        Transition::Snoozed,
        Transition::Released,
        Transition::Rescued,
        Transition::Discarded,
        Transition::CancelRequested,
        Transition::Cancelled,
        Transition::Requeued,
        Transition::Replaced,
    ];

    /// The name, in snake case.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Transition::Enqueued => "enqueued",
            Transition::Started => "started",
            Transition::Completed => "completed",
            Transition::Retried => "retried",
            Transition::Snoozed => "snoozed",
            Transition::Released => "released",
            Transition::Rescued => "rescued",
            Transition::Discarded => "discarded",
            Transition::CancelRequested => "cancel_requested",
            Transition::Cancelled => "cancelled",
            Transition::Requeued => "requeued",
            Transition::Replaced => "replaced",
        }
    }
}

impl fmt::Display for Transition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Transition {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        Transition::ALL
            .into_iter()
            .find(|transition| transition.as_str() == name)
            .ok_or_else(|| Error::invalid("unknown job transition: give one such as \"started\""))
    }
}
