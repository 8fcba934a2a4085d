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
    percent: u64,
    per_second: u64,
    bucket: Mutex<Bucket>,
}

/// In thousandths of a request, which both a call's share and a millisecond's are whole numbers of.
#[derive(Debug)]
struct Bucket {
    tokens: u64,
    filled: Instant,
}

const REQUEST: u64 = 1000;

impl Budget {
    /// For how many seconds the floor is saved up.
    const SAVED: u64 = 10;
    /// What can be saved up at least: a failing server is met by many calls at once.
    const LEAST: u64 = 10 * REQUEST;

    pub(crate) fn new(percent: u32, per_second: u32) -> Self {
        let (percent, per_second) = (percent.min(100).into(), per_second.into());
        let bucket = Bucket { tokens: most(percent, per_second), filled: Instant::now() };
        Budget { percent, per_second, bucket: Mutex::new(bucket) }
    }

    /// Notes a call, which pays for a part of a further request.
    pub(crate) fn deposit(&self) {
        let mut bucket = self.bucket.lock().unwrap_or_else(PoisonError::into_inner);
        let tokens = bucket.tokens + self.percent * REQUEST / 100;
        bucket.tokens = tokens.min(most(self.percent, self.per_second));
    }

    /// Takes one further request out; `false` where there is none left.
    pub(crate) fn withdraw(&self) -> bool {
        let mut bucket = self.bucket.lock().unwrap_or_else(PoisonError::into_inner);
        let waited = Instant::now().saturating_duration_since(bucket.filled).as_millis() as u64;
        let tokens = bucket.tokens.saturating_add(waited.saturating_mul(self.per_second));
        bucket.tokens = tokens.min(most(self.percent, self.per_second));
        // By whole milliseconds, so that none is lost to callers that come in between.
        bucket.filled += Duration::from_millis(waited);
        let affordable = bucket.tokens >= REQUEST;
        if affordable {
            bucket.tokens -= REQUEST;
        }
        affordable
    }
}

/// The most tokens. Zero and zero is the wish for no retry at all.
fn most(percent: u64, per_second: u64) -> u64 {
    let floor = if percent > 0 { Budget::LEAST } else { 0 };
    (per_second * REQUEST * Budget::SAVED).max(floor)
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
