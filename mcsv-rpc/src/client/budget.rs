use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// How many requests beyond the first of each call may be sent: a share of the calls, and a floor
/// for those who call seldom.
///
/// Without it a server that is down is asked several times as often as one that is up, which keeps
/// it down.
#[derive(Debug)]
pub(crate) struct Budget {
    share: f64,
    per_second: f64,
    bucket: Mutex<Bucket>,
}

#[derive(Debug)]
struct Bucket {
    tokens: f64,
    filled: Instant,
}

impl Budget {
    /// For how long the floor is saved up.
    const SAVED: Duration = Duration::from_secs(10);
    /// What can be saved up at least: a failing server is met by many calls at once.
    const LEAST: f64 = 10.0;

    pub(crate) fn new(percent: u32, per_second: u32) -> Self {
        let (share, per_second) = (f64::from(percent.min(100)) / 100.0, f64::from(per_second));
        let bucket = Bucket { tokens: most(share, per_second), filled: Instant::now() };
        Budget { share, per_second, bucket: Mutex::new(bucket) }
    }

    /// Notes a call, which pays for a part of a further request.
    pub(crate) fn deposit(&self) {
        let mut bucket = self.bucket.lock().unwrap_or_else(PoisonError::into_inner);
        bucket.tokens = (bucket.tokens + self.share).min(most(self.share, self.per_second));
    }

    /// Takes one further request out; `false` where there is none left.
    pub(crate) fn withdraw(&self) -> bool {
        let mut bucket = self.bucket.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        let waited = now.saturating_duration_since(bucket.filled).as_secs_f64();
        let tokens = bucket.tokens + waited * self.per_second;
        bucket.filled = now;
        bucket.tokens = tokens.min(most(self.share, self.per_second));
        if bucket.tokens < 1.0 {
            return false;
        }
        bucket.tokens -= 1.0;
        true
    }
}

/// The most tokens. Zero and zero is the wish for no retry at all.
fn most(share: f64, per_second: f64) -> f64 {
    let floor = if share > 0.0 { Budget::LEAST } else { 0.0 };
    (per_second * Budget::SAVED.as_secs_f64()).max(floor)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drained(budget: &Budget) -> u32 {
        let mut taken = 0;
        while budget.withdraw() {
            taken += 1;
        }
        taken
    }

    #[tokio::test(start_paused = true)]
    async fn a_fifth_of_the_calls_may_be_sent_again() {
        let budget = Budget::new(20, 0);
        assert_eq!(drained(&budget), 10);
        for _ in 0..26 {
            budget.deposit();
        }
        assert_eq!(drained(&budget), 5);
    }

    #[tokio::test(start_paused = true)]
    async fn the_floor_comes_back_with_time_and_is_saved_for_ten_seconds() {
        let budget = Budget::new(0, 2);
        assert_eq!(drained(&budget), 20);
        tokio::time::advance(Duration::from_secs(3)).await;
        assert_eq!(drained(&budget), 6);
        tokio::time::advance(Duration::from_secs(3600)).await;
        assert_eq!(drained(&budget), 20);
    }

    #[tokio::test(start_paused = true)]
    async fn nothing_is_nothing() {
        let budget = Budget::new(0, 0);
        budget.deposit();
        assert_eq!(drained(&budget), 0);
    }
}
