//! Schedules: when their ticks are, and who enqueues them.

mod catch_up;
mod expression;
mod schedule;
mod ticks;
mod zone;

pub use catch_up::CatchUp;
pub use expression::CronExpr;
pub(crate) use schedule::Schedule;
pub use ticks::Cron;

use std::time::SystemTime;

/// One tick of a schedule, as the maker of its job sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Tick {
    /// The minute that the tick stands for: not when it was noticed.
    pub at: SystemTime,
}
