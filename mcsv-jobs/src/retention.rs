/// What becomes of a job's row once the job is done; part of its kind's [`Policy`](crate::Policy).
///
/// It is about completed jobs alone. Those that failed for good or were called off are kept until
/// they are pruned: they are what somebody looks for.
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
}
