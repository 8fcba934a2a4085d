use std::fmt;
use std::time::Duration;

/// How long to wait before the next attempt: exponential, capped, with jitter.
///
/// Jitter is on by default (10 %), because callers that failed together would otherwise come back
/// together. The delay is a pure function of the attempt and one random number; nothing sleeps here.
///
/// ```
/// use mcsv_core::Backoff;
/// use std::time::Duration;
///
/// let backoff = Backoff::exponential(Duration::from_secs(1), Duration::from_secs(600))?;
/// // After the 1st, 2nd, 3rd and 20th failure, in the middle of the jitter:
/// let delays = [1, 2, 3, 20].map(|attempt| backoff.delay_with(attempt, 0.5).as_secs());
/// assert_eq!(delays, [1, 2, 4, 600]);
/// # Ok::<(), mcsv_core::BackoffError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Backoff {
    first: Duration,
    max: Duration,
    factor: f64,
    jitter: f64,
}

impl Backoff {
    /// Doubles from `first` up to `max`, with 10 % jitter.
    ///
    /// # Errors
    ///
    /// `first` is zero, `max` is shorter than `first`, or `max` is longer than 365 days.
    pub fn exponential(first: Duration, max: Duration) -> Result<Self, BackoffError> {
        const LONGEST: Duration = Duration::from_secs(365 * 24 * 60 * 60);
        if first.is_zero() || max < first || max > LONGEST {
            return Err(BackoffError::Range { first, max });
        }
        Ok(Backoff { first, max, factor: 2.0, jitter: 0.1 })
    }

    /// Multiplies by `factor` instead of 2 at each attempt.
    ///
    /// # Errors
    ///
    /// `factor` is not a number from 1 to 100.
    pub fn with_factor(mut self, factor: f64) -> Result<Self, BackoffError> {
        if !(1.0..=100.0).contains(&factor) {
            return Err(BackoffError::Factor(factor));
        }
        self.factor = factor;
        Ok(self)
    }

    /// Spreads each delay evenly over `delay * (1 - fraction) ..= delay * (1 + fraction)`.
    ///
    /// # Errors
    ///
    /// `fraction` is not a number from 0 (no jitter) to 1.
    pub fn with_jitter(mut self, fraction: f64) -> Result<Self, BackoffError> {
        if !(0.0..=1.0).contains(&fraction) {
            return Err(BackoffError::Jitter(fraction));
        }
        self.jitter = fraction;
        Ok(self)
    }

    /// The delay after failure number `attempt` (1 is the first), with random jitter.
    #[must_use]
    pub fn delay(&self, attempt: u32) -> Duration {
        self.delay_with(attempt, fastrand::f64())
    }

    /// The delay after failure number `attempt` (1 is the first) where `unit`, from 0 to 1, takes
    /// the place of chance: 0.5 is the middle of the jitter.
    #[must_use]
    pub fn delay_with(&self, attempt: u32, unit: f64) -> Duration {
        let exponent = f64::from(attempt.saturating_sub(1));
        // Infinity is fine here: it is larger than `max`.
        let grown = self.first.as_secs_f64() * self.factor.powf(exponent);
        let capped = grown.min(self.max.as_secs_f64());
        let unit = if unit.is_nan() { 0.5 } else { unit.clamp(0.0, 1.0) };
        let spread = 1.0 + self.jitter * (2.0 * unit - 1.0);
        Duration::from_secs_f64(capped * spread)
    }
}

/// The numbers make no usable [`Backoff`].
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum BackoffError {
    /// The first and the longest delay do not fit together.
    Range {
        /// The first delay that was given.
        first: Duration,
        /// The longest delay that was given.
        max: Duration,
    },
    /// The factor is out of range.
    Factor(f64),
    /// The jitter is out of range.
    Jitter(f64),
}

impl fmt::Display for BackoffError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            BackoffError::Range { first, max } => write!(
                f,
                "back-off from {first:?} to {max:?}: give more than zero, then at least as much, \
                 at most 365 days"
            ),
            BackoffError::Factor(factor) => {
                write!(f, "back-off factor {factor}: give a number from 1 to 100")
            }
            BackoffError::Jitter(jitter) => {
                write!(f, "back-off jitter {jitter}: give a fraction from 0 to 1")
            }
        }
    }
}

impl std::error::Error for BackoffError {}
