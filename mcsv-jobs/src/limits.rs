use std::collections::HashMap;
use std::time::Duration;

use crate::Policy;
use crate::from_row::from_row;
use crate::new_job::millis;

/// What all workers of a queue together may do, in every process; set by
/// [`Jobs::limit`](crate::Jobs::limit).
///
/// The limits are in the database and are held by the transaction that claims, so no number of
/// workers exceeds them. Without any, a queue is bounded by the concurrency of its workers alone.
/// Claims of a limited queue take turns; the other queues do not notice.
///
/// ```
/// use mcsv_jobs::Limits;
/// use std::time::Duration;
///
/// let polite = Limits::new()
///     .with_running(50)
///     .with_running_per_partition(2)
///     .with_rate(100, Duration::from_secs(60));
/// assert_eq!(polite.running(), Some(50));
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Limits {
    running: Option<u32>,
    per_partition: Option<u32>,
    rate: Option<(u32, Duration)>,
}

impl Limits {
    /// No limit.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Runs at most `jobs` at a time; zero is taken as one, for what stops a queue is
    /// [`Jobs::pause`](crate::Jobs::pause).
    #[must_use]
    pub fn with_running(mut self, jobs: u32) -> Self {
        self.running = Some(at_least_one(jobs));
        self
    }

    /// Runs at most `jobs` of each [partition](crate::Job::partition) at a time; zero is taken as
    /// one. Jobs without a partition are not bounded by it.
    #[must_use]
    pub fn with_running_per_partition(mut self, jobs: u32) -> Self {
        self.per_partition = Some(at_least_one(jobs));
        self
    }

    /// Starts at most `jobs` in any stretch of time as long as `per`, which is from 1 ms to a year;
    /// zero is taken as one. Every attempt is a start.
    #[must_use]
    pub fn with_rate(mut self, jobs: u32, per: Duration) -> Self {
        let per = per.clamp(Duration::from_millis(1), Policy::LONGEST);
        self.rate = Some((at_least_one(jobs), per));
        self
    }

    /// The most jobs that run at a time.
    #[must_use]
    pub fn running(&self) -> Option<u32> {
        self.running
    }

    /// The most jobs of one partition that run at a time.
    #[must_use]
    pub fn running_per_partition(&self) -> Option<u32> {
        self.per_partition
    }

    /// The most starts, and in how long a time.
    #[must_use]
    pub fn rate(&self) -> Option<(u32, Duration)> {
        self.rate
    }

    pub(crate) fn is_none(&self) -> bool {
        *self == Limits::default()
    }

    pub(crate) fn to_columns(self) -> LimitColumns {
        let (starts, period) = self.rate.unzip();
        LimitColumns {
            running: self.running.map(i64::from),
            per_partition: self.per_partition.map(i64::from),
            starts: starts.map(i64::from),
            period: period.map(millis),
        }
    }

    /// How many may be started, given how many run and how many were started lately.
    pub(crate) fn room(&self, wanted: usize, running: i64, started: i64) -> usize {
        let left = |limit: Option<u32>, used: i64| {
            let left = limit.map(|limit| (i64::from(limit) - used).max(0));
            left.and_then(|left| usize::try_from(left).ok()).unwrap_or(usize::MAX)
        };
        let starts = self.rate.map(|(starts, _)| starts);
        wanted.min(left(self.running, running)).min(left(starts, started))
    }

    /// The first `room` of the candidates that leave no partition overfull.
    pub(crate) fn pick(&self, room: usize, candidates: Vec<Candidate>) -> Vec<i64> {
        let most = i64::from(self.per_partition.unwrap_or(u32::MAX));
        let mut running: HashMap<String, i64> = HashMap::new();
        let fits = |candidate: &Candidate| {
            let Some(key) = &candidate.partition_key else { return true };
            let running = running.entry(key.clone()).or_insert(candidate.running);
            *running += 1;
            *running <= most
        };
        candidates.into_iter().filter(fits).take(room).map(|candidate| candidate.id).collect()
    }
}

/// Limits as the database has them.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct LimitColumns {
    pub(crate) running: Option<i64>,
    pub(crate) per_partition: Option<i64>,
    pub(crate) starts: Option<i64>,
    /// In milliseconds.
    pub(crate) period: Option<i64>,
}

/// The limits of one queue.
pub(crate) struct QueueLimits {
    pub(crate) queue: String,
    pub(crate) limits: LimitColumns,
}

impl From<LimitColumns> for Limits {
    fn from(columns: LimitColumns) -> Self {
        let number = |column: Option<i64>| column.and_then(|number| u32::try_from(number).ok());
        let period = columns.period.and_then(|millis| u64::try_from(millis).ok());
        Limits {
            running: number(columns.running),
            per_partition: number(columns.per_partition),
            rate: number(columns.starts).zip(period.map(Duration::from_millis)),
        }
    }
}

/// A job that could start if its partition has a place.
#[derive(Clone, Debug)]
pub(crate) struct Candidate {
    pub(crate) id: i64,
    pub(crate) partition_key: Option<String>,
    /// How many of its partition run.
    pub(crate) running: i64,
}

from_row!(LimitColumns {
    running: Option<i64>,
    per_partition: Option<i64>,
    starts: Option<i64>,
    period: Option<i64>
});

from_row!(QueueLimits { queue: String } limits: LimitColumns);

from_row!(Candidate { id: i64, partition_key: Option<String>, running: i64 });

fn at_least_one(jobs: u32) -> u32 {
    jobs.max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn candidate(id: i64, key: &str, running: i64) -> Candidate {
        let partition_key = Some(key.to_owned()).filter(|key| !key.is_empty());
        Candidate { id, partition_key, running }
    }

    #[test]
    fn a_full_partition_is_passed_over_and_those_without_are_not_bounded() {
        let limits = Limits::new().with_running_per_partition(2);
        let waiting = vec![
            candidate(1, "a", 1),
            candidate(2, "a", 1),
            candidate(3, "", 0),
            candidate(4, "", 0),
            candidate(5, "b", 0),
            candidate(6, "b", 0),
            candidate(7, "b", 0),
        ];

        assert_eq!(limits.pick(9, waiting.clone()), [1, 3, 4, 5, 6]);
        assert_eq!(limits.pick(2, waiting), [1, 3]);
    }

    #[test]
    fn the_smallest_room_counts() {
        let limits = Limits::new().with_running(10).with_rate(3, Duration::from_secs(1));

        assert_eq!(limits.room(20, 4, 0), 3);
        assert_eq!(limits.room(20, 9, 0), 1);
        assert_eq!(limits.room(20, 12, 0), 0);
        assert_eq!(limits.room(2, 0, 0), 2);
        assert_eq!(Limits::new().room(20, 99, 99), 20);
    }

    #[test]
    fn the_columns_are_read_as_they_were_written() {
        let limits = Limits::new().with_running(0).with_rate(7, Duration::from_millis(90));
        assert_eq!(Limits::from(limits.to_columns()), limits);
        assert_eq!(limits.running(), Some(1));
        assert!(Limits::from(LimitColumns::default()).is_none());
    }
}
