use std::time::Duration;

/// What becomes of the ticks that were missed while no process was there to enqueue them.
///
/// A schedule that is new to the database has missed none, whatever the policy.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum CatchUp {
    /// None is made up: a tick that nobody enqueued within its minute is gone. For what is of no
    /// use later, such as a reminder of a time of day.
    Skip,
    /// The latest alone is made up, as if the others had been it. For what looks at all that there
    /// is, such as a clean-up.
    #[default]
    Latest,
    /// Each is made up that is no older than this, in their order and in a transaction each. For
    /// what looks at its own time alone, such as an hourly report.
    Each(Duration),
}
