/// What becomes of a job's row and its events once the job is done; part of its kind's
/// [`Policy`](crate::Policy).
///
/// It is about completed jobs alone. Those that failed for good or were called off are kept until
/// they are pruned: they are what somebody looks for.
///
/// | | row of a completed job | its events |
/// |---|---|---|
/// | `Keep` | until it is pruned | until they are pruned |
/// | `DeleteCompleted` | deleted with its end | until they are pruned |
/// | `ForgetCompleted` | deleted with its end | none, where its first attempt completes it |
///
/// ```
/// use mcsv_jobs::{Policy, Retention};
///
/// let policy = Policy::default().with_retention(Retention::DeleteCompleted);
/// assert_eq!(policy.retention(), Retention::DeleteCompleted);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Retention {
    /// The row is kept until [`Jobs::prune`](crate::Jobs::prune) takes it. The default.
    #[default]
    Keep,
    /// The row is deleted in the transaction that completes the job, with its arguments and its
    /// result: the table holds what is to be done and no more.
    ///
    /// The events stay, so [`Jobs::history`](crate::Jobs::history) still tells the job's whole life;
    /// [`Jobs::get`](crate::Jobs::get) and [`Jobs::wait`](crate::Jobs::wait) don't find it any more.
    /// A job of a batch is kept all the same, because its batch counts it.
    DeleteCompleted,
    /// The same, and a job that its first attempt completes leaves no event either: the least that a
    /// job can cost, for those of which there are very many and one is like the other.
    ///
    /// Such a job has no history, and whoever [subscribes](crate::Jobs::subscribe) to events does not
    /// hear of it. But as soon as anything else happens to a job, its history is there from the
    /// enqueue on, and stays until it is pruned: where it fails, snoozes, is called off, replaced or
    /// rescued, or goes back at a shutdown. A job of a batch is logged and kept.
    ///
    /// Whether a job has a log is settled when it is enqueued, so a change of the policy is one for jobs
    /// to come; whether a row is kept, which has one, goes by the policy of the worker. A kind may have it once all processes of the database know it: earlier versions of this crate
    /// write events without a beginning, which [`Jobs::verify`](crate::Jobs::verify) would report.
    ForgetCompleted,
}
