use std::time::Duration;

use mcsv_core::Backoff;

use crate::Retention;

/// How often a kind of job is tried, for how long and how far apart, and what is kept of it.
///
/// The delays are stored with the job, so a restart neither shortens nor forgets them. With the
/// default back-off, attempts 2 to 10 start about 1 s, 2 s, 4 s, 8 s, 16 s, 32 s, 1 min, 2 min and
/// 4 min after the failure before; from then on every 10 min.
///
/// ```
/// use mcsv_jobs::Policy;
/// use std::time::Duration;
///
/// let policy = Policy::default().with_max_attempts(5).with_timeout(Duration::from_secs(30));
/// assert_eq!(policy.max_attempts(), 5);
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Policy {
    max_attempts: u32,
    timeout: Duration,
    backoff: Backoff,
    give_up_after: Duration,
    retention: Retention,
}

impl Policy {
    /// The most attempts that a job can have.
    pub const MOST_ATTEMPTS: u32 = 1_000;

    /// The longest time-out and the longest life of a job: a year.
    pub const LONGEST: Duration = Duration::from_secs(365 * 24 * 60 * 60);

    /// Tries at most `attempts` times, from 1 to [`MOST_ATTEMPTS`](Self::MOST_ATTEMPTS); a number
    /// outside is moved to the nearest end. 20 by default.
    #[must_use]
    pub fn with_max_attempts(mut self, attempts: u32) -> Self {
        self.max_attempts = attempts.clamp(1, Self::MOST_ATTEMPTS);
        self
    }

    /// Ends an attempt that takes longer than `timeout`, as a failed one. At least 1 ms, at most
    /// [`LONGEST`](Self::LONGEST); 5 minutes by default.
    #[must_use]
    pub fn with_timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout.clamp(Duration::from_millis(1), Self::LONGEST);
        self
    }

    /// Waits this long between the attempts. From 1 s up to 10 minutes by default.
    #[must_use]
    pub fn with_backoff(mut self, backoff: Backoff) -> Self {
        self.backoff = backoff;
        self
    }

    /// Gives up when the next attempt would start later than this after the job was enqueued, even
    /// if attempts are left. [`LONGEST`](Self::LONGEST) by default.
    #[must_use]
    pub fn with_give_up_after(mut self, age: Duration) -> Self {
        self.give_up_after = age.min(Self::LONGEST);
        self
    }

    /// Keeps the rows of completed jobs, or deletes them; kept by default.
    #[must_use]
    pub fn with_retention(mut self, retention: Retention) -> Self {
        self.retention = retention;
        self
    }

    /// The most attempts.
    #[must_use]
    pub fn max_attempts(&self) -> u32 {
        self.max_attempts
    }

    /// The time that one attempt may take.
    #[must_use]
    pub fn timeout(&self) -> Duration {
        self.timeout
    }

    /// The delays between the attempts.
    #[must_use]
    pub fn backoff(&self) -> Backoff {
        self.backoff
    }

    /// The age at which it gives up.
    #[must_use]
    pub fn give_up_after(&self) -> Duration {
        self.give_up_after
    }

    /// What becomes of the rows of completed jobs.
    #[must_use]
    pub fn retention(&self) -> Retention {
        self.retention
    }
}

impl Default for Policy {
    fn default() -> Self {
        // The range is fixed here, and `exponential` takes any positive one that grows.
        let backoff = Backoff::exponential(Duration::from_secs(1), Duration::from_secs(600))
            .expect("a fixed, growing range");
        Policy {
            max_attempts: 20,
            timeout: Duration::from_secs(300),
            backoff,
            give_up_after: Self::LONGEST,
            retention: Retention::Keep,
        }
    }
}
