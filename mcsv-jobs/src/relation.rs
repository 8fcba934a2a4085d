use std::time::Duration;

use crate::store::Claimed;

/// How the span of an attempt relates to the span that enqueued its job; set by
/// [`Workers::with_relation`](crate::Workers::with_relation).
///
/// A child is in the trace of its enqueue. A linked attempt is a trace of its own, whose span links
/// the enqueue's: a job that is tried for days, or a batch of thousands, would make a trace that no
/// tool can show.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Relation {
    /// Every attempt is a child.
    Child,
    /// Every attempt is linked.
    Link,
    /// A first attempt that starts within this time of the enqueue is a child, unless its job is of
    /// a batch. Later attempts, after an error, a snooze, a rescue or a retry by hand, are linked.
    ChildWithin(Duration),
}

impl Relation {
    /// Whether this attempt is a child of its enqueue.
    pub(crate) fn is_child(self, claimed: &Claimed) -> bool {
        match self {
            Relation::Child => true,
            Relation::Link => false,
            Relation::ChildWithin(time) => {
                // The fence counts every claim in the job's life.
                let first = claimed.fence == 1 && claimed.batch_id.is_none();
                let waited = u64::try_from(claimed.started_at - claimed.inserted_at).unwrap_or(0);
                first && Duration::from_millis(waited) <= time
            }
        }
    }
}

/// A child within five minutes.
impl Default for Relation {
    fn default() -> Self {
        Relation::ChildWithin(Duration::from_secs(300))
    }
}
