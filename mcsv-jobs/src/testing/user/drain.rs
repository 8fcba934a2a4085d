use std::sync::Arc;

use tokio::sync::watch;

use crate::backend::{Ends, LEASE, Supervisor};
use crate::cx::Signal;
use crate::progress::reports;
use crate::registry::Registry;
use crate::store::{Ack, Claim, Claimed, Leases, Report, Settle};
use crate::{Delivery, Error, ErrorKind, JobCx, JobId, Jobs, Transition};

/// The most attempts of one drain.
const ATTEMPTS: usize = 1_000;
/// Who holds the leases of a drain.
const OWNER: &str = "test.0";

/// What a drain did, by the outcomes of its attempts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Drained {
    /// Jobs that are done.
    pub completed: usize,
    /// Attempts that failed and will be followed by another.
    pub retried: usize,
    /// Attempts that asked for a later call.
    pub snoozed: usize,
    /// Jobs that became dead letters.
    pub discarded: usize,
    /// Jobs that were called off.
    pub cancelled: usize,
}

impl Drained {
    /// All attempts.
    #[must_use]
    pub fn ran(&self) -> usize {
        self.completed + self.retried + self.snoozed + self.discarded + self.cancelled
    }

    pub(super) fn add(&mut self, other: Drained) {
        self.completed += other.completed;
        self.retried += other.retried;
        self.snoozed += other.snoozed;
        self.discarded += other.discarded;
        self.cancelled += other.cancelled;
    }

    fn count(&mut self, transition: Transition) {
        match transition {
            Transition::Completed => self.completed += 1,
            Transition::Snoozed => self.snoozed += 1,
            Transition::Discarded => self.discarded += 1,
            Transition::Cancelled => self.cancelled += 1,
            _ => self.retried += 1,
        }
    }
}

/// Claims, runs and settles one job after the other, as the driver does with many.
pub(super) async fn drain(
    jobs: &Jobs,
    queues: &[String],
    registry: &Arc<Registry>,
) -> Result<Drained, Error> {
    let mut drained = Drained::default();
    loop {
        let before = drained.ran();
        for queue in queues {
            while let Some(claimed) = claim(jobs, queue).await? {
                let (ack, report) = attempt(queue, registry, claimed).await?;
                let (follow_ups, fate) = (ack.follow_ups.clone(), ack.fate.transition);
                let may_be_done = ack.may_be_done;
                let settle = Settle {
                    owner: OWNER.to_owned(),
                    lease: LEASE,
                    acks: vec![ack],
                    held: Vec::new(),
                    leases: Leases::Leave,
                    reports: report.into_iter().collect(),
                    around_locks: false,
                };
                let reply = jobs.inner.store.settle(settle).await?;
                // Refused where the handler's own transaction has completed the job.
                let is_done = may_be_done && reply.accepted.is_empty();
                drained.count(if is_done { Transition::Completed } else { fate });
                for accepted in &reply.accepted {
                    jobs.inner.announce(&follow_ups, &accepted.follow_ups);
                }
                jobs.inner.tell_watchers();
                if drained.ran() > ATTEMPTS {
                    return Err(endless());
                }
            }
        }
        // A job of one queue may have enqueued one of another.
        if drained.ran() == before {
            return Ok(drained);
        }
    }
}

pub(super) fn endless() -> Error {
    let context = format!("{ATTEMPTS} attempts and no end: does a job enqueue itself?");
    Error::new(ErrorKind::Conflict, context)
}

async fn claim(jobs: &Jobs, queue: &str) -> Result<Option<Claimed>, Error> {
    let claim = Claim {
        queue: queue.to_owned(),
        owner: OWNER.to_owned(),
        lease: LEASE,
        room: 1,
        is_sure: false,
        is_urgent: true,
        is_limited: false,
    };
    Ok(jobs.inner.store.claim(claim).await?.claimed.pop())
}

/// Runs one attempt under the supervision that every attempt has.
pub(super) async fn attempt(
    queue: &str,
    registry: &Arc<Registry>,
    claimed: Claimed,
) -> Result<(Ack, Option<Report>), Error> {
    let ended: Arc<Ends> = Arc::default();
    let registry = Arc::clone(registry);
    let supervisor =
        Arc::new(Supervisor { registry, owner: OWNER.into(), ended: Arc::clone(&ended) });
    let (_signal, signals) = watch::channel(Signal::GoOn);
    let id = JobId::new(claimed.id)?;
    let claimed = Arc::new(claimed);
    let (reporter, mut reports) = reports();
    let cx = JobCx::new(id, queue.into(), Arc::clone(&claimed), signals, reporter);
    let keyring = supervisor.registry.keyring.clone();
    let mut delivery = Delivery { claimed, cx, keyring };
    let attempt = supervisor.begin(&mut delivery);
    let Delivery { claimed, cx, .. } = delivery;
    let registry = Arc::clone(&supervisor.registry);
    // On its own task: a handler that panics before its future exists must not end the test.
    let run = async move { registry.run(&claimed, cx).await };
    attempt.supervise(run).await;
    let ack = ended.take().pop().ok_or_else(Error::closed)?;
    let report = reports.take().map(|text| Report { id: ack.id, fence: ack.fence, text });
    Ok((ack, report))
}
