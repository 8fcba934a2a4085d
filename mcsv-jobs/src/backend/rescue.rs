use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::Instant;

use super::in_flight::Ended;
use super::supervise::after_discard;
use crate::cx::Signal;
use crate::progress::reports;
use crate::registry::Registry;
use crate::settle::{Budget, Ending};
use crate::store::{Ack, Claimed, Orphan};
use crate::{Error, JobCx, JobId, Jobs, trace};

/// How long an owner who lives has to renew a lease that was seen to have run out, as where its row was
/// locked or the database was away. He tries every 50 ms then.
const GRACE: Duration = Duration::from_millis(150);

/// The leases that have run out although their owners live, as far as anybody knows, and since when that is
/// seen.
#[derive(Default)]
pub(super) struct Suspects(HashMap<(i64, i64), Instant>);

impl Suspects {
    /// When to look again.
    pub(super) fn again_at(&self) -> Option<Instant> {
        self.0.values().min().map(|since| *since + GRACE)
    }

    /// Those of `orphans` that are to be rescued: at once where their owners are `gone`.
    fn overdue(&mut self, orphans: Vec<Orphan>, gone: impl Fn(&str) -> bool) -> Vec<Orphan> {
        let now = Instant::now();
        let before = std::mem::take(&mut self.0);
        let is_late = |orphan: &Orphan| {
            let lease = (orphan.id, orphan.lease_until);
            let since = before.get(&lease).copied().unwrap_or(now);
            let is_late = gone(&orphan.owner) || since + GRACE <= now;
            if !is_late {
                self.0.insert(lease, since);
            }
            is_late
        };
        orphans.into_iter().filter(is_late).collect()
    }
}

/// The acks that give the orphans of a queue back, or bury those that are out of attempts.
///
/// Those of the driver `own` that it does not know are claims whose answers were lost.
/// They are written like any other end, under the fence and the lease that were seen here: an owner
/// who turns up in between keeps his job.
pub(super) async fn orphans(
    jobs: &Jobs,
    registry: &Registry,
    queue: &Arc<str>,
    own: &str,
    dead: &[String],
    is_known: impl Fn(i64) -> bool,
    suspects: &mut Suspects,
) -> Result<Vec<Ended>, Error> {
    let orphans = jobs.inner.store.orphans(queue, dead).await?;
    let orphans = orphans.into_iter().filter(|orphan| !is_known(orphan.id)).collect();
    let gone = |owner: &str| owner == own || dead.iter().any(|dead| dead == owner);
    let orphans = suspects.overdue(orphans, gone).into_iter();
    Ok(orphans.filter_map(|orphan| ack(registry, queue, own, orphan)).collect())
}

fn ack(registry: &Registry, queue: &Arc<str>, own: &str, orphan: Orphan) -> Option<Ended> {
    let id = JobId::new(orphan.id).ok()?;
    let policy = registry.policy(&orphan.kind);
    let budget = Budget {
        attempt: orphan.attempt,
        max_attempts: orphan.max_attempts,
        age: orphan.age,
        policy,
    };
    let fate = if orphan.owner == own {
        // Claimed for this driver, which never heard of it: it has not begun.
        tracing::info!(job.id = %id, "the answer to a claim was lost: giving its job back");
        budget.settle(Ending::Released)
    } else {
        tracing::warn!(job.id = %id, "the worker of a job was lost");
        trace::count_rescued(queue, &orphan.kind);
        budget.settle(Ending::Orphaned)
    };
    let seen_lease = Some(orphan.lease_until);
    let claimed = Arc::new(Claimed::from(orphan));
    let (_signal, signals) = watch::channel(Signal::LeaseLost);
    let cx = JobCx::new(id, Arc::clone(queue), Arc::clone(&claimed), signals, reports().0);
    let follow_ups = cx.trace().in_scope(|| after_discard(registry, &cx, &claimed, &fate));
    let ack = Ack { follow_ups, seen_lease, may_end_batch: true, ..Ack::of(&claimed, fate) };
    Some((ack, claimed.kind.clone()))
}
