use std::any::Any;
use std::sync::Arc;
use std::time::Duration;

use mcsv_core::TraceContext;
use tokio::task::{AbortHandle, JoinError};
use tokio::time::{Instant, sleep};
use tracing::{Instrument, Span};

use super::{Delivery, Ends};
use crate::failure::{bounded, chain};
use crate::outcome::Verdict;
use crate::registry::{Registry, Unknown};
use crate::settle::{Budget, Ending};
use crate::store::{Ack, Claimed, Fate, Row};
use crate::{BoxError, Failure, JobCx, NewJob, Outcome, Permanent, Retention, State, trace};

/// How long a handler may go on after its job was called off.
const GRACE: Duration = Duration::from_secs(5);

/// What every attempt of a queue shares.
pub(crate) struct Supervisor {
    pub(crate) registry: Arc<Registry>,
    pub(crate) owner: Arc<str>,
    pub(crate) ended: Arc<Ends>,
}

impl std::fmt::Debug for Supervisor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Supervisor").field("owner", &self.owner).finish_non_exhaustive()
    }
}

/// One attempt, from its claim to its ack.
pub(crate) struct Attempt {
    supervisor: Arc<Supervisor>,
    claimed: Arc<Claimed>,
    cx: JobCx,
    span: Span,
    context: TraceContext,
    since: Instant,
}

impl Supervisor {
    /// Opens the attempt's span and puts its trace into the delivery.
    pub(crate) fn begin(self: &Arc<Self>, delivery: &mut Delivery) -> Attempt {
        let child = self.registry.relation.is_child(&delivery.claimed);
        let (span, context) = trace::attempt_span(&delivery.cx, &self.owner, child);
        delivery.cx = delivery.cx.clone().with_trace(context.clone()).under(self);
        Attempt {
            supervisor: Arc::clone(self),
            claimed: Arc::clone(&delivery.claimed),
            cx: delivery.cx.clone(),
            span,
            context,
            since: Instant::now(),
        }
    }

    /// What completes the job in a transaction of its handler's own.
    pub(crate) fn completion(
        &self,
        claimed: &Claimed,
        outcome: Outcome,
    ) -> Result<Ack, crate::Error> {
        if outcome.verdict != Verdict::Done {
            return Err(crate::Error::invalid(
                "only Outcome::done() completes a job: return any other outcome from the handler",
            ));
        }
        let mut follow_ups = rows(&outcome.follow_ups, &self.registry)?;
        follow_ups.extend(next_of_chain(claimed)?);
        let retention = self.retention(claimed);
        let result = outcome.result.filter(|_| retention == Retention::Keep);
        let fate = Fate { retention, result, ..Fate::completed() };
        Ok(Ack { follow_ups, may_be_done: true, ..Ack::of(claimed, fate) })
    }

    /// The rows of a batch's jobs are what it counts: they stay. One without a log must not, whatever its
    /// policy has become.
    fn retention(&self, claimed: &Claimed) -> Retention {
        match claimed.batch_id {
            Some(_) => Retention::Keep,
            None if !claimed.is_logged => Retention::ForgetCompleted,
            None => self.registry.policy(&claimed.kind).retention(),
        }
    }
}

impl Attempt {
    pub(crate) fn enter<R>(&self, work: impl FnOnce() -> R) -> R {
        self.span.in_scope(|| self.context.in_scope(work))
    }

    /// Runs the handler on a task of its own, so that one that blocks holds up nobody else.
    pub(crate) async fn supervise<F>(self, run: F)
    where
        F: Future<Output = Result<Outcome, BoxError>> + Send + 'static,
    {
        let run = self.context.clone().scope(run).instrument(self.span.clone());
        let mut task = tokio::spawn(run);
        // Dropping a worker drops what it runs.
        let _abort = AbortOnDrop(task.abort_handle());
        let timeout = self.supervisor.registry.policy(&self.claimed.kind).timeout();
        let (ending, outcome) = tokio::select! {
            biased;
            joined = &mut task => split(joined),
            () = self.cx.cancelled() => called_off(&mut task).await,
            () = sleep(timeout) => {
                (Ending::Failed(format!("timed out after {timeout:?}")), None)
            }
        };
        let ending = self.heard(ending);
        self.end(ending, outcome);
    }

    /// What an ending means where the handler could hear that its job was called off: what it did not
    /// get done is cancelled. Whether it came to its end before that was noticed here is chance.
    fn heard(&self, ending: Ending) -> Ending {
        let is_undone = matches!(
            ending,
            Ending::Failed(_)
                | Ending::Hopeless(_)
                | Ending::Returned(Verdict::Retry(_) | Verdict::Snooze(_))
        );
        if is_undone && self.cx.is_called_off() { Ending::CalledOff } else { ending }
    }

    pub(crate) fn panicked(self, text: &str) {
        self.end(Ending::Failed(bounded(format!("panicked: {text}"))), None);
    }

    fn end(self, ending: Ending, outcome: Option<Outcome>) {
        let is_done = ending == Ending::Returned(Verdict::Done);
        let ack = self.enter(|| self.ack(ending, outcome));
        if ack.may_be_done && is_done {
            self.enter(|| self.log(&Fate::completed()));
        } else {
            self.enter(|| self.log(&ack.fate));
        }
        self.supervisor.ended.push(ack);
    }

    fn ack(&self, ending: Ending, outcome: Option<Outcome>) -> Ack {
        let claimed = &self.claimed;
        let registry = &self.supervisor.registry;
        let budget = Budget {
            attempt: claimed.attempt,
            max_attempts: claimed.max_attempts,
            age: claimed.age.saturating_add(self.since.elapsed()),
            policy: registry.policy(&claimed.kind),
        };
        let may_be_done = self.cx.completing().has_begun();
        let (ending, outcome) = if may_be_done && ending == Ending::Returned(Verdict::Done) {
            // Refused if it did.
            let text = "the transaction that was to complete it did not commit";
            (Ending::Failed(text.to_owned()), None)
        } else {
            (ending, outcome)
        };
        let (result, jobs) = outcome.map(|o| (o.result, o.follow_ups)).unwrap_or_default();
        let mut fate = budget.settle(ending);
        let mut follow_ups = match rows(&jobs, registry) {
            Ok(rows) => rows,
            Err(error) => {
                let text = format!("a follow-up can't be enqueued: {error}");
                fate = budget.settle(Ending::Hopeless(text));
                Vec::new()
            }
        };
        if fate.state == State::Completed {
            match next_of_chain(claimed) {
                Ok(next) => {
                    fate.retention = self.supervisor.retention(claimed);
                    fate.result = result.filter(|_| fate.retention == Retention::Keep);
                    follow_ups.extend(next);
                }
                Err(error) => {
                    fate = budget.settle(Ending::Hopeless(chain(&error.into())));
                    follow_ups.clear();
                }
            }
        }
        follow_ups.extend(after_discard(registry, &self.cx, claimed, &fate));
        Ack { follow_ups, may_be_done, ..Ack::of(claimed, fate) }
    }

    fn log(&self, fate: &Fate) {
        let ran = self.since.elapsed();
        trace::count_ended(self.cx.queue(), self.cx.kind(), ran);
        match &fate.error {
            Some(error) => {
                self.span.record("error.type", fate.transition.as_str());
                tracing::warn!(outcome = %fate.transition, ?ran, error, "job failed");
            }
            None => tracing::debug!(outcome = %fate.transition, ?ran, "job ended"),
        }
    }
}

fn next_of_chain(claimed: &Claimed) -> Result<Option<Row>, crate::Error> {
    let Some(chain) = &claimed.chain else { return Ok(None) };
    let next = Row::first_of(chain, claimed.batch_id)?;
    Ok(next.map(|row| {
        let trace = trace::of_row(&row);
        row.in_trace(&trace)
    }))
}

/// The follow-ups of a dead letter; none of a job that is not one.
pub(crate) fn after_discard(
    registry: &Registry,
    cx: &JobCx,
    job: &Claimed,
    fate: &Fate,
) -> Vec<Row> {
    if fate.state != State::Discarded {
        return Vec::new();
    }
    let failure = Failure {
        id: cx.id(),
        attempt: cx.attempt(),
        max_attempts: cx.max_attempts(),
        error: fate.error.clone().unwrap_or_default(),
    };
    let jobs = registry.follow_ups(job, &failure);
    rows(&jobs, registry).unwrap_or_else(|error| {
        tracing::error!(job.id = %cx.id(), %error, "the follow-up of a dead letter is refused");
        Vec::new()
    })
}

fn rows(jobs: &[NewJob], registry: &Registry) -> Result<Vec<Row>, crate::Error> {
    jobs.iter().map(|job| Row::new(job, &trace::of_new(job), &registry.keyring)).collect()
}

type Joined = Result<Result<Outcome, BoxError>, JoinError>;

fn split(joined: Joined) -> (Ending, Option<Outcome>) {
    match joined {
        Ok(Ok(outcome)) => (Ending::Returned(outcome.verdict.clone()), Some(outcome)),
        Ok(Err(error)) if error.is::<Unknown>() => (Ending::Unknown(error.to_string()), None),
        Ok(Err(error)) if Permanent::is_in(&error) => (Ending::Hopeless(chain(&error)), None),
        Ok(Err(error)) => (Ending::Failed(chain(&error)), None),
        Err(error) => match error.try_into_panic() {
            Ok(panic) => {
                (Ending::Failed(bounded(format!("panicked: {}", panic_text(&*panic)))), None)
            }
            Err(_) => (Ending::Released, None),
        },
    }
}

/// What was done before the handler heard of it stays done.
async fn called_off(
    task: &mut tokio::task::JoinHandle<Result<Outcome, BoxError>>,
) -> (Ending, Option<Outcome>) {
    match tokio::time::timeout(GRACE, task).await.map(split) {
        Ok((Ending::Returned(verdict), outcome)) => (Ending::Returned(verdict), outcome),
        _ => (Ending::CalledOff, None),
    }
}

pub(crate) fn panic_text(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "with a value that is no text".to_owned())
}

struct AbortOnDrop(AbortHandle);

impl Drop for AbortOnDrop {
    fn drop(&mut self) {
        self.0.abort();
    }
}
