use std::time::{Duration, Instant};

/// The instant by which a caller wants its answer.
///
/// It is kept as an instant and not as a time-out, so that it shrinks by itself on its way through
/// queues and calls. There is no clock here: the caller passes `now`, so that a runtime's paused
/// test clock works.
///
/// ```
/// use mcsv_core::Deadline;
/// use std::time::{Duration, Instant};
///
/// # #[allow(clippy::disallowed_methods)]
/// let now = Instant::now();
/// let deadline = Deadline::after(now, Duration::from_secs(2));
/// assert_eq!(deadline.remaining(now + Duration::from_secs(3)), Duration::ZERO);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Deadline(Instant);

impl Deadline {
    /// The furthest that a deadline lies ahead: a year. More than that is no deadline, and would
    /// overflow some platforms' clocks.
    pub const MAX: Duration = Duration::from_secs(365 * 24 * 60 * 60);

    /// A deadline at `instant`.
    #[must_use]
    pub fn at(instant: Instant) -> Self {
        Deadline(instant)
    }

    /// A deadline `timeout` after `now`, at most [`MAX`](Self::MAX) ahead.
    #[must_use]
    pub fn after(now: Instant, timeout: Duration) -> Self {
        Deadline(now + timeout.min(Self::MAX))
    }

    /// The instant itself, for a timer.
    #[must_use]
    pub fn instant(&self) -> Instant {
        self.0
    }

    /// What is left at `now`; zero once it has passed.
    #[must_use]
    pub fn remaining(&self, now: Instant) -> Duration {
        self.0.saturating_duration_since(now)
    }

    /// Whether nothing is left at `now`.
    #[must_use]
    pub fn is_past(&self, now: Instant) -> bool {
        self.remaining(now).is_zero()
    }

    /// The earlier of the two: a call inherits its caller's deadline and may only shorten it.
    #[must_use]
    pub fn earliest(self, other: Self) -> Self {
        self.min(other)
    }
}

#[cfg(test)]
#[allow(clippy::disallowed_methods, reason = "a fixed instant to count from")]
mod tests {
    use super::*;

    #[test]
    fn an_absurd_timeout_is_a_year() {
        let now = Instant::now();

        assert_eq!(Deadline::after(now, Duration::MAX).remaining(now), Deadline::MAX);
    }

    #[test]
    fn the_shorter_one_wins() {
        let now = Instant::now();
        let [short, long] = [1, 2].map(|s| Deadline::after(now, Duration::from_secs(s)));

        assert_eq!(long.earliest(short), short);
        assert!(short.is_past(now + Duration::from_secs(1)));
        assert!(!long.is_past(now + Duration::from_secs(1)));
    }
}
