use std::time::Duration;

use tokio::time::Instant;

/// A quarter of the places, so that jobs run while others are claimed and ended; but this many at least,
/// as far as there are places, and at most. Beyond these, less or more makes a claim or a settlement
/// hardly cheaper for each job.
const BATCH: (usize, usize) = (250, 500);
/// How long jobs that have just started are waited for, to end together. Far less than a trip to a
/// database that waits for its disk.
const SOON: Duration = Duration::from_millis(2);

/// When it is worth asking the database for something: for a full batch, or once there is no
/// prospect of one.
///
/// Jobs that do next to nothing end one by one within a moment. To write the first of them while the
/// others run would make all these wait for its way to the disk; and to claim for the first free place
/// would make the next claim wait. Jobs that take longer are not waited for.
pub(super) struct Pace {
    batch: usize,
    /// How many of those that started last have not ended, as far as that is known.
    fresh: usize,
    until: Instant,
}

impl Pace {
    pub(super) fn new(concurrency: usize) -> Self {
        let batch = (concurrency / 4).clamp(BATCH.0, BATCH.1).min(concurrency);
        Pace { batch, fresh: 0, until: Instant::now() }
    }

    pub(super) fn batch(&self) -> usize {
        self.batch
    }

    pub(super) fn started(&mut self, jobs: usize, now: Instant) {
        if jobs > 0 {
            self.fresh += jobs;
            self.until = now + SOON;
        }
    }

    /// One of them, or an older one.
    pub(super) fn ended(&mut self) {
        self.fresh = self.fresh.saturating_sub(1);
    }

    /// How many more ends to wait for, and how long, when `ends` are there already.
    pub(super) fn waits(&mut self, ends: usize, now: Instant) -> Option<(usize, Instant)> {
        if self.until <= now {
            self.fresh = 0;
        }
        let more = self.fresh.min(self.batch.saturating_sub(ends));
        (more > 0).then_some((more, self.until))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_batch_is_a_quarter_of_many_places_and_all_of_a_few() {
        let batch = |concurrency| Pace::new(concurrency).batch();

        assert_eq!([1, 200, 250, 1_000].map(batch), [1, 200, 250, 250]);
        assert_eq!([1_400, 2_000, 50_000].map(batch), [350, 500, 500]);
    }

    #[test]
    fn all_that_started_together_are_waited_for_up_to_a_batch() {
        let now = Instant::now();
        let mut pace = Pace::new(500);
        pace.started(400, now);
        assert_eq!(pace.waits(0, now), Some((250, now + SOON)));
        (0..240).for_each(|_| pace.ended());
        assert_eq!(pace.waits(240, now), Some((10, now + SOON)));
        (0..10).for_each(|_| pace.ended());
        assert_eq!(pace.waits(250, now), None);
        assert_eq!(pace.waits(0, now), Some((150, now + SOON)), "once they are written");
    }

    #[test]
    fn the_only_job_is_waited_for_by_nobody_once_it_has_ended() {
        let now = Instant::now();
        let mut pace = Pace::new(10);
        pace.started(1, now);
        pace.ended();
        assert_eq!(pace.waits(1, now), None);
    }

    #[test]
    fn jobs_that_take_longer_are_not_waited_for_again() {
        let now = Instant::now();
        let mut pace = Pace::new(10);
        pace.started(10, now);
        assert_eq!(pace.waits(2, now + SOON), None);
        pace.started(1, now + SOON);
        assert_eq!(pace.waits(0, now + SOON), Some((1, now + SOON + SOON)));
    }
}
