use std::sync::Arc;

use mcsv_core::TraceContext;

use super::drain::attempt;
use crate::keyring::Keyring;
use crate::registry::Registry;
use crate::store::Claimed;
use crate::{Error, ErrorKind, Handler, Job, NewJob, Transition};

/// One attempt of one handler, without a database.
///
/// The job is encoded and decoded as on its way through a queue, and the handler runs under the
/// supervision of the engine: panics and time-outs are outcomes.
///
/// ```
/// # use mcsv_jobs::{BoxError, Job, JobCx, Json, Outcome};
/// # use serde::{Deserialize, Serialize};
/// use mcsv_jobs::{Transition, testing::Perform};
///
/// #[derive(Serialize, Deserialize)]
/// struct Resize { width: u32 }
/// # impl Job for Resize { const KIND: &'static str = "resize"; const QUEUE: &'static str = "images"; type Codec = Json; }
///
/// async fn resize(job: Resize, cx: JobCx) -> Result<Outcome, BoxError> {
///     if job.width == 0 {
///         return Ok(Outcome::discard("no width"));
///     }
///     Ok(Outcome::done().with_result(cx.attempt()))
/// }
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), BoxError> {
/// let done = Perform::new(Resize { width: 80 }).with_attempt(2).run(resize).await?;
/// assert_eq!(done.transition, Transition::Completed);
/// assert_eq!(done.result, Some(2.into()));
///
/// let dead = Perform::new(Resize { width: 0 }).run(resize).await?;
/// assert_eq!(dead.error.as_deref(), Some("no width"));
/// # Ok(()) }
/// ```
#[derive(Debug)]
#[must_use = "nothing is performed until it runs"]
pub struct Perform<J> {
    job: J,
    attempt: u32,
    trace: Option<TraceContext>,
}

/// What came of one attempt.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Performed {
    /// What the engine would have made of it.
    pub transition: Transition,
    /// The error, if it failed.
    pub error: Option<String>,
    /// What it recorded.
    pub result: Option<serde_json::Value>,
    /// The kinds of the jobs that it would have enqueued, in their order.
    pub follow_ups: Vec<String>,
}

impl<J: Job> Perform<J> {
    /// The first attempt of `job`.
    pub fn new(job: J) -> Self {
        Perform { job, attempt: 1, trace: None }
    }

    /// The attempt that it is, from 1.
    pub fn with_attempt(mut self, attempt: u32) -> Self {
        self.attempt = attempt.max(1);
        self
    }

    /// The trace that it is enqueued in.
    pub fn with_trace(mut self, trace: TraceContext) -> Self {
        self.trace = Some(trace);
        self
    }

    /// Runs the attempt by `handler`.
    ///
    /// # Errors
    ///
    /// The job can't be enqueued as it is: its arguments are too large, or a name is no name.
    pub async fn run<H: Handler<J>>(self, handler: H) -> Result<Performed, Error> {
        let mut registry = Registry::new(keyring()?);
        registry.handle::<J, H>(handler);
        let job = NewJob::new(self.job);
        let (args, key_id) = if job.sealed {
            registry.keyring.seal(job.kind, job.check()?).map(|(args, id)| (args, Some(id)))?
        } else {
            (job.check()?.to_vec(), None)
        };
        let claimed = Claimed {
            id: 1,
            fence: 1,
            kind: job.kind.to_owned(),
            args,
            attempt: self.attempt,
            max_attempts: job.max_attempts,
            inserted_at: 0,
            scheduled_at: 0,
            started_at: 0,
            age: std::time::Duration::ZERO,
            traceparent: self.trace.as_ref().map(TraceContext::traceparent),
            tracestate: None,
            batch_id: None,
            chain: None,
            key_id,
            is_logged: true,
        };
        let (ack, _) = attempt(&job.queue, &Arc::new(registry), claimed).await?;
        let result = ack.fate.result.map(|text| serde_json::from_str(&text)).transpose();
        let result = result.map_err(|cause| {
            Error::new(ErrorKind::Encode, "the recorded result is no JSON").with_source(cause)
        })?;
        Ok(Performed {
            transition: ack.fate.transition,
            error: ack.fate.error,
            result,
            follow_ups: ack.follow_ups.into_iter().map(|row| row.kind).collect(),
        })
    }
}

/// Seals and opens the arguments of the attempt, as a queue's would.
#[cfg(feature = "encryption")]
fn keyring() -> Result<Keyring, Error> {
    Ok(Keyring::new(crate::Keys::new("perform", &[1; 32])?))
}

#[cfg(not(feature = "encryption"))]
fn keyring() -> Result<Keyring, Error> {
    Ok(Keyring::default())
}
