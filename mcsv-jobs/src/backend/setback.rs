use std::time::Duration;

use mcsv_core::Backoff;
use tokio::time::Instant;

const FIRST: Duration = Duration::from_millis(100);
const LONGEST: Duration = Duration::from_secs(5);

/// How often the database did not do what it was asked, and until when it is left alone.
#[derive(Default)]
pub(super) struct Setback {
    failures: u32,
    until: Option<Instant>,
}

impl Setback {
    /// It failed again. How long to wait now.
    pub(super) fn add(&mut self) -> Duration {
        self.failures = self.failures.saturating_add(1);
        let backoff = Backoff::exponential(FIRST, LONGEST);
        let wait = backoff.map_or(LONGEST, |backoff| backoff.delay(self.failures));
        self.until = Some(Instant::now() + wait);
        wait
    }

    pub(super) fn clear(&mut self) {
        *self = Setback::default();
    }

    /// Whether it failed and has not succeeded since.
    pub(super) fn is_on(&self) -> bool {
        self.failures > 0
    }

    pub(super) fn is_over(&self) -> bool {
        self.until.is_none_or(|until| until <= Instant::now())
    }

    /// `at`, or the end of the wait if that is later.
    pub(super) fn not_before(&self, at: Instant) -> Instant {
        self.until.map_or(at, |until| until.max(at))
    }
}
