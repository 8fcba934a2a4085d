use std::collections::HashMap;
use std::sync::Arc;

use tokio::sync::watch;

use crate::cx::{Completing, Signal};
use crate::progress::{Reports, reports};
use crate::store::{Ack, Claimed, Report};
use crate::{JobCx, JobId};

/// A job that is claimed and has not ended.
pub(super) struct Held {
    pub(super) claimed: Arc<Claimed>,
    pub(super) signal: watch::Sender<Signal>,
    pub(super) reports: Reports,
    pub(super) completing: Completing,
}

impl Held {
    /// With what its handler knows of it.
    pub(super) fn new(id: JobId, queue: &Arc<str>, claimed: Claimed) -> (Self, JobCx) {
        let claimed = Arc::new(claimed);
        let (signal, signals) = watch::channel(Signal::GoOn);
        let (reporter, reports) = reports();
        let cx = JobCx::new(id, Arc::clone(queue), Arc::clone(&claimed), signals, reporter);
        let completing = cx.completing();
        (Held { claimed, signal, reports, completing }, cx)
    }

    /// Whether `ack` is of this attempt. A claim that a crash of the server took back may come again
    /// with the same fence, while the handler of the first still runs.
    pub(super) fn ran(&self, ack: &Ack) -> bool {
        (self.claimed.fence, self.claimed.started_at) == (ack.fence, ack.started_at)
    }

    pub(super) fn report(&mut self) -> Option<Report> {
        let text = self.reports.take()?;
        Some(Report { id: self.claimed.id, fence: self.claimed.fence, text })
    }
}

/// Tells the handlers of those of the jobs that were `asked` for of what became of their leases; `kept`
/// names the ones that are still ours, and whether somebody called them off.
pub(super) fn check_leases(
    jobs: &HashMap<i64, Held>,
    asked: &[(i64, i64)],
    kept: &[(i64, i64, bool)],
) {
    let kept: HashMap<(i64, i64), bool> =
        kept.iter().map(|(id, fence, cancel)| ((*id, *fence), *cancel)).collect();
    for (id, fence) in asked {
        // It may have ended meanwhile, and even have come again.
        let Some(held) = jobs.get(id).filter(|held| held.claimed.fence == *fence) else {
            continue;
        };
        match kept.get(&(*id, *fence)) {
            Some(false) => {}
            Some(true) => drop(held.signal.send_replace(Signal::Cancelled)),
            // It has let go of it by itself.
            None if held.completing.has_begun() => {}
            None => drop(held.signal.send_replace(Signal::LeaseLost)),
        }
    }
}
