//! What an attempt's end means for its job: pure decisions, no clock and no database.

use std::time::Duration;

use crate::failure::bounded;
use crate::new_job::millis;
use crate::outcome::Verdict;
use crate::store::Fate;
use crate::{Policy, Retention, State, Transition};

/// How long a job of an unknown kind waits for a worker that knows it, at least and at most: as long as
/// it has waited by now, so that the waits double.
const PUT_OFF: (Duration, Duration) = (Duration::from_secs(10), Duration::from_secs(3600));

/// How an attempt ended.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Ending {
    Returned(Verdict),
    /// An error, a panic or a time-out.
    Failed(String),
    /// An error that no attempt can mend.
    Hopeless(String),
    /// The handler stopped because it was called off.
    CalledOff,
    /// The worker has no handler for it.
    Unknown(String),
    /// The worker shuts down.
    Released,
    /// The worker that held it is gone.
    Orphaned,
}

/// Where the job stands in its budget.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Budget {
    pub(crate) attempt: u32,
    pub(crate) max_attempts: u32,
    /// Since the budget began.
    pub(crate) age: Duration,
    pub(crate) policy: Policy,
}

impl Budget {
    pub(crate) fn settle(&self, ending: Ending) -> Fate {
        match ending {
            Ending::Returned(Verdict::Done) => Fate::completed(),
            Ending::Returned(Verdict::Retry(delay)) => {
                self.try_again(delay, "the handler asked for another attempt".to_owned())
            }
            Ending::Returned(Verdict::Snooze(delay)) => Fate {
                delay: millis(delay),
                given_back: 1,
                ..Fate::of(Transition::Snoozed, State::Scheduled, format!("for {delay:?}"))
            },
            Ending::Returned(Verdict::Cancel(reason)) => {
                Fate::of(Transition::Cancelled, State::Cancelled, bounded(reason))
            }
            Ending::Returned(Verdict::Discard(error)) | Ending::Hopeless(error) => {
                Fate::discarded(error)
            }
            Ending::Failed(error) => {
                self.try_again(self.policy.backoff().delay(self.attempt), error)
            }
            Ending::CalledOff => {
                Fate::of(Transition::Cancelled, State::Cancelled, "while it ran".to_owned())
            }
            Ending::Unknown(detail) => Fate {
                delay: millis(self.age.clamp(PUT_OFF.0, PUT_OFF.1)),
                given_back: 1,
                ..Fate::of(Transition::Snoozed, State::Scheduled, bounded(detail))
            },
            Ending::Released => Fate {
                given_back: 1,
                ..Fate::of(Transition::Released, State::Available, "shutdown".to_owned())
            },
            Ending::Orphaned => self.rescue(),
        }
    }

    fn try_again(&self, delay: Duration, error: String) -> Fate {
        if self.is_spent(delay) {
            return Fate::discarded(error);
        }
        let error = bounded(error);
        Fate {
            delay: millis(delay),
            error: Some(error.clone()),
            ..Fate::of(Transition::Retried, State::Retryable, error)
        }
    }

    /// Whether there is no attempt left for it, or none may begin after this delay.
    fn is_spent(&self, delay: Duration) -> bool {
        let is_late = self.age.saturating_add(delay) > self.policy.give_up_after();
        self.attempt >= self.max_attempts || is_late
    }

    /// No back-off: the job did nothing wrong as far as anyone knows. But a job that takes its
    /// worker down every time must end, so the attempt counts.
    fn rescue(&self) -> Fate {
        let error = "the worker that ran it was lost".to_owned();
        if self.is_spent(Duration::ZERO) {
            return Fate::discarded(error);
        }
        Fate {
            error: Some(error.clone()),
            ..Fate::of(Transition::Rescued, State::Available, error)
        }
    }
}

impl Fate {
    fn of(transition: Transition, state: State, detail: String) -> Self {
        Fate {
            transition,
            state,
            delay: 0,
            given_back: 0,
            error: None,
            result: None,
            detail,
            retention: Retention::Keep,
        }
    }

    pub(crate) fn completed() -> Self {
        Fate::of(Transition::Completed, State::Completed, String::new())
    }

    fn discarded(error: String) -> Self {
        let error = bounded(error);
        Fate {
            error: Some(error.clone()),
            ..Fate::of(Transition::Discarded, State::Discarded, error)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn budget(attempt: u32) -> Budget {
        let policy = Policy::default().with_give_up_after(Duration::from_secs(3600));
        Budget { attempt, max_attempts: 3, age: Duration::from_secs(60), policy }
    }

    #[test]
    fn a_failure_with_attempts_left_waits_for_the_next() {
        let fate = budget(1).settle(Ending::Failed("no route".into()));

        assert_eq!(fate.state, State::Retryable);
        assert!((900..=1_100).contains(&fate.delay), "{} ms", fate.delay);
        assert_eq!(fate.error.as_deref(), Some("no route"));
    }

    #[test]
    fn the_last_failure_is_a_dead_letter() {
        assert_eq!(budget(3).settle(Ending::Failed("x".into())).state, State::Discarded);
    }

    #[test]
    fn a_job_too_old_for_its_next_attempt_is_a_dead_letter() {
        let retry = |seconds| Ending::Returned(Verdict::Retry(Duration::from_secs(seconds)));

        assert_eq!(budget(1).settle(retry(3_000)).state, State::Retryable);
        assert_eq!(budget(1).settle(retry(3_600)).state, State::Discarded);
    }

    #[test]
    fn snooze_and_drain_use_up_no_attempt() {
        let snooze = Ending::Returned(Verdict::Snooze(Duration::from_secs(5)));

        assert_eq!(budget(3).settle(snooze).given_back, 1);
        assert_eq!(budget(3).settle(Ending::Released).given_back, 1);
    }

    #[test]
    fn a_job_that_takes_its_worker_down_every_time_ends() {
        assert_eq!(budget(2).settle(Ending::Orphaned).state, State::Available);
        assert_eq!(budget(3).settle(Ending::Orphaned).state, State::Discarded);
        let late = Budget { age: Duration::from_secs(3601), ..budget(1) };
        assert_eq!(late.settle(Ending::Orphaned).state, State::Discarded);
    }
}
