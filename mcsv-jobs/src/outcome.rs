use std::time::Duration;

use serde::Serialize;

use crate::failure::bounded;
use crate::{NewJob, Policy};

/// The most bytes of a recorded result.
const MAX_RESULT: usize = 64 * 1024;

/// What a handler says about its job when it has not failed.
///
/// `Ok(())` is the same as [`Outcome::done`].
///
/// ```
/// use mcsv_jobs::Outcome;
/// use serde_json::json;
/// use std::time::Duration;
///
/// let done = Outcome::done().with_result(json!({ "pages": 3 }));
/// let not_yet = Outcome::snooze(Duration::from_secs(30));
/// let hopeless = Outcome::discard("the image is no image");
/// # let _ = (done, not_yet, hopeless);
/// ```
#[derive(Debug)]
#[must_use = "an outcome does nothing until the handler returns it"]
pub struct Outcome {
    pub(crate) verdict: Verdict,
    pub(crate) result: Option<String>,
    pub(crate) follow_ups: Vec<NewJob>,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Verdict {
    Done,
    Retry(Duration),
    Snooze(Duration),
    Cancel(String),
    Discard(String),
}

impl Outcome {
    /// The job is done.
    pub fn done() -> Self {
        Verdict::Done.into()
    }

    /// This attempt failed; the next one starts after `delay`, if the policy has one left.
    pub fn retry(delay: Duration) -> Self {
        Verdict::Retry(delay.min(Policy::LONGEST)).into()
    }

    /// Not now: call again after `delay`. This uses up no attempt.
    pub fn snooze(delay: Duration) -> Self {
        Verdict::Snooze(delay.min(Policy::LONGEST)).into()
    }

    /// The job is no longer wanted.
    pub fn cancel(reason: impl Into<String>) -> Self {
        Verdict::Cancel(reason.into()).into()
    }

    /// The job can't be done: a dead letter, whatever attempts are left.
    pub fn discard(reason: impl Into<String>) -> Self {
        Verdict::Discard(reason.into()).into()
    }

    /// Records `result` as JSON in the job's row.
    ///
    /// A value that is no JSON or larger than 64 KiB makes the job a dead letter, for what it was
    /// to record is lost.
    pub fn with_result(mut self, result: impl Serialize) -> Self {
        match serde_json::to_string(&result) {
            Ok(text) if text.len() <= MAX_RESULT => self.result = Some(text),
            Ok(text) => {
                let reason = format!("result of {} bytes: record at most {MAX_RESULT}", text.len());
                self.verdict = Verdict::Discard(reason);
            }
            Err(error) => {
                self.verdict = Verdict::Discard(bounded(format!("result is no JSON: {error}")));
            }
        }
        self
    }

    /// Enqueues `job` in the transaction that writes this outcome: both or neither.
    ///
    /// If the lease was lost in the meantime, neither is written.
    pub fn then(mut self, job: impl Into<NewJob>) -> Self {
        self.follow_ups.push(job.into());
        self
    }

    /// Enqueues all of `jobs`, like [`then`](Self::then).
    pub fn then_all<N: Into<NewJob>>(mut self, jobs: impl IntoIterator<Item = N>) -> Self {
        self.follow_ups.extend(jobs.into_iter().map(Into::into));
        self
    }
}

impl From<Verdict> for Outcome {
    fn from(verdict: Verdict) -> Self {
        Outcome { verdict, result: None, follow_ups: Vec::new() }
    }
}

impl From<()> for Outcome {
    fn from((): ()) -> Self {
        Outcome::done()
    }
}
