//! Schedules: when their ticks are, and who enqueues them.

mod civil;
mod expression;
mod schedule;

pub use expression::CronExpr;
pub(crate) use schedule::Schedule;

use std::time::SystemTime;

/// One tick of a schedule, as the maker of its job sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Tick {
    /// The minute that the tick stands for, in UTC: not when it was noticed.
    pub at: SystemTime,
}
