use std::time::SystemTime;

use crate::{Error, Event, JobId, State, Transition};

/// Everything that happened to one job; made by [`Jobs::history`](crate::Jobs::history).
///
/// It outlives its job: the events of a pruned job are kept until they are pruned themselves.
#[derive(Clone, Debug, PartialEq)]
pub struct History {
    id: JobId,
    events: Vec<Event>,
}

/// Where a job stood at some time, rebuilt from its events alone.
///
/// What never changes after the enqueue, such as the kind and the arguments, is not in the log.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Snapshot {
    /// The state.
    pub state: State,
    /// The attempts that were used up, the running one included.
    pub attempt: u32,
    /// How often it was claimed in its whole life: the fence of its row.
    pub starts: u32,
    /// When it was enqueued.
    pub inserted_at: SystemTime,
    /// When the last attempt began.
    pub attempted_at: Option<SystemTime>,
    /// The worker that held it or held it last; empty if none did.
    pub attempted_by: String,
    /// When it ended.
    pub finished_at: Option<SystemTime>,
    /// Whether somebody asked the running attempt to stop.
    pub cancel_requested: bool,
}

impl History {
    pub(crate) fn new(id: JobId, events: Vec<Event>) -> Self {
        History { id, events }
    }

    /// The job.
    #[must_use]
    pub fn id(&self) -> JobId {
        self.id
    }

    /// The events, in order.
    #[must_use]
    pub fn events(&self) -> &[Event] {
        &self.events
    }

    /// Where the job stands after its last event.
    ///
    /// # Errors
    ///
    /// The log contradicts itself ([`ErrorKind::Database`](crate::ErrorKind::Database)).
    pub fn latest(&self) -> Result<Snapshot, Error> {
        self.rebuild(&self.events)?.ok_or_else(|| broken(self.id, "it is empty"))
    }

    /// Where the job stood at `time`, its events at that millisecond included; none before it was
    /// enqueued.
    ///
    /// # Errors
    ///
    /// As [`latest`](Self::latest).
    pub fn state_at(&self, time: SystemTime) -> Result<Option<Snapshot>, Error> {
        let later = self.events.iter().position(|event| event.at > time);
        self.rebuild(&self.events[..later.unwrap_or(self.events.len())])
    }

    fn rebuild(&self, events: &[Event]) -> Result<Option<Snapshot>, Error> {
        let snapshot = rebuild(events);
        snapshot.map_err(|Illegal { sequence, why }| {
            broken(self.id, &format!("event {sequence} is impossible: {why}"))
        })
    }
}

fn broken(id: JobId, why: &str) -> Error {
    let context = format!("the log of job {id} is broken, {why}: run verify()");
    Error::new(crate::ErrorKind::Database, context)
}

/// An event that can't follow on those before it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Illegal {
    pub(crate) sequence: i64,
    pub(crate) why: String,
}

/// Plays the events from the first; none if there is none.
pub(crate) fn rebuild(events: &[Event]) -> Result<Option<Snapshot>, Illegal> {
    let Some((first, rest)) = events.split_first() else { return Ok(None) };
    let mut now = Snapshot::begin(first)?;
    for event in rest {
        now.apply(event)?;
    }
    Ok(Some(now))
}

impl Snapshot {
    fn begin(event: &Event) -> Result<Self, Illegal> {
        let fresh = matches!(event.state, State::Available | State::Scheduled);
        if event.transition != Transition::Enqueued || !fresh || event.attempt != 0 {
            let why = format!("{} as {} at the beginning", event.transition, event.state);
            return Err(Illegal { sequence: event.sequence, why });
        }
        Ok(Snapshot {
            state: event.state,
            attempt: 0,
            starts: 0,
            inserted_at: event.at,
            attempted_at: None,
            attempted_by: String::new(),
            finished_at: None,
            cancel_requested: false,
        })
    }

    /// Goes on by the rules of the state machine; the event's own state and attempt must agree.
    fn apply(&mut self, event: &Event) -> Result<(), Illegal> {
        let (before, attempt) = (self.state, self.attempt);
        let runs = before == State::Executing;
        let next = match event.transition {
            Transition::Started if !runs && !before.is_finished() => State::Executing,
            Transition::Completed if runs => State::Completed,
            Transition::Retried if runs => State::Retryable,
            Transition::Snoozed if runs => State::Scheduled,
            Transition::Released | Transition::Rescued if runs => State::Available,
            Transition::Discarded if runs => State::Discarded,
            Transition::CancelRequested if runs && !self.cancel_requested => State::Executing,
            Transition::Cancelled if !before.is_finished() => State::Cancelled,
            Transition::Requeued if before.is_finished() => State::Available,
            Transition::Replaced if !runs && !before.is_finished() => match event.state {
                State::Available | State::Scheduled => event.state,
                _ => before,
            },
            _ => return Err(illegal(event, before, attempt)),
        };
        let given_back = attempt.saturating_sub(1);
        let attempts = match event.transition {
            Transition::Started => event.attempt == attempt + 1,
            Transition::Snoozed | Transition::Released => event.attempt == given_back,
            Transition::Requeued => event.attempt == 0,
            // A cancel that came too late turns a snooze into an end.
            Transition::Cancelled if runs && self.cancel_requested => {
                event.attempt == attempt || event.attempt == given_back
            }
            _ => event.attempt == attempt,
        };
        if event.state != next || !attempts {
            return Err(illegal(event, before, attempt));
        }
        if event.transition == Transition::Started {
            self.starts += 1;
            self.attempted_at = Some(event.at);
            self.attempted_by.clone_from(&event.worker);
        }
        self.state = next;
        self.attempt = event.attempt;
        self.finished_at = next.is_finished().then_some(event.at);
        self.cancel_requested = event.transition == Transition::CancelRequested;
        Ok(())
    }
}

fn illegal(event: &Event, before: State, attempt: u32) -> Illegal {
    let why = format!(
        "{} to {} with {} attempts, from {before} with {attempt}",
        event.transition, event.state, event.attempt
    );
    Illegal { sequence: event.sequence, why }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::time;

    fn event(transition: Transition, state: State, attempt: u32) -> Event {
        Event {
            sequence: 7,
            job: JobId::new(1).unwrap(),
            at: time(1_000),
            transition,
            state,
            attempt,
            worker: String::new(),
            detail: String::new(),
        }
    }

    fn enqueued() -> Event {
        event(Transition::Enqueued, State::Available, 0)
    }

    #[track_caller]
    fn check_illegal(events: &[Event]) {
        let Err(Illegal { sequence: 7, .. }) = rebuild(events) else { panic!("{events:?}") };
    }

    #[test]
    fn a_life_that_no_job_can_have_is_refused() {
        let started = event(Transition::Started, State::Executing, 1);
        let completed = event(Transition::Completed, State::Completed, 1);

        check_illegal(std::slice::from_ref(&started));
        check_illegal(&[enqueued(), completed.clone()]);
        check_illegal(&[enqueued(), started.clone(), started.clone()]);
        check_illegal(&[enqueued(), event(Transition::Started, State::Executing, 2)]);
        check_illegal(&[enqueued(), started.clone(), completed.clone(), completed]);
        check_illegal(&[enqueued(), started, event(Transition::Snoozed, State::Scheduled, 1)]);
    }

    #[test]
    fn a_late_cancel_may_give_the_attempt_back() {
        let life = [
            enqueued(),
            event(Transition::Started, State::Executing, 1),
            event(Transition::CancelRequested, State::Executing, 1),
            event(Transition::Cancelled, State::Cancelled, 0),
        ];

        let now = rebuild(&life).unwrap().unwrap();
        assert_eq!((now.state, now.starts, now.cancel_requested), (State::Cancelled, 1, false));
    }
}
