use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

use super::supervise::after_discard;
use crate::cx::Signal;
use crate::progress::reports;
use crate::registry::Registry;
use crate::settle::{Budget, Ending};
use crate::store::{Ack, Claimed, Orphan};
use crate::{Error, JobCx, JobId, Jobs, trace};

/// The acks that give the orphans of a queue back, or bury those that are out of attempts.
///
/// They are written like any other end, under the fence and the lease that were seen here: an owner
/// who turns up in between keeps his job.
pub(super) async fn orphans(
    jobs: &Jobs,
    registry: &Registry,
    queue: &Arc<str>,
    dead: &[String],
    is_held: impl Fn(i64) -> bool,
) -> Result<Vec<(Ack, String)>, Error> {
    let orphans = jobs.inner.store.orphans(queue, dead).await?;
    let orphans = orphans.into_iter().filter(|orphan| !is_held(orphan.id));
    Ok(orphans.filter_map(|orphan| ack(registry, queue, orphan)).collect())
}

fn ack(registry: &Registry, queue: &Arc<str>, orphan: Orphan) -> Option<(Ack, String)> {
    let id = JobId::new(orphan.id).ok()?;
    let policy = registry.policy(&orphan.kind);
    let budget = Budget {
        attempt: orphan.attempt,
        max_attempts: orphan.max_attempts,
        age: Duration::ZERO,
        policy,
    };
    let fate = budget.settle(Ending::Orphaned);
    tracing::warn!(job.id = %id, outcome = %fate.transition, "the worker of a job was lost");
    trace::count_rescued(queue, &orphan.kind);
    let seen_lease = Some(orphan.lease_until);
    let claimed = Arc::new(Claimed::from(orphan));
    let (_signal, signals) = watch::channel(Signal::LeaseLost);
    let cx = JobCx::new(id, Arc::clone(queue), Arc::clone(&claimed), signals, reports().0);
    let follow_ups = cx.trace().in_scope(|| after_discard(registry, &cx, &claimed, &fate));
    let ack = Ack {
        id: claimed.id,
        fence: claimed.fence,
        fate,
        follow_ups,
        seen_lease,
        may_end_batch: true,
    };
    Some((ack, claimed.kind.clone()))
}
