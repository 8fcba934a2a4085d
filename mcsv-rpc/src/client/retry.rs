use std::time::Duration;

use mcsv_core::{Backoff, Code, Error};

use super::never_sent::NeverSent;
use crate::grpc::NoRetry;
use crate::{Idempotency, RpcMethod};

/// When and how often a call that failed is sent again.
///
/// A method is repeated only where its proto says that a second call does no harm
/// (`idempotency_level` is `NO_SIDE_EFFECTS` or `IDEMPOTENT`); any other one only where the server
/// can't have seen the call ([`NeverSent`]). What helps is repeated and nothing else:
/// `unavailable`, and `resource_exhausted` where the server said when to come back. `aborted` is
/// not: it asks to begin again further up, with a fresh read.
///
/// A call that an HTTP/2 server turns away unread (`REFUSED_STREAM`, `GOAWAY`) is sent once more at
/// once, with a policy or without one: a server that is going is followed by another connection. One
/// that reached no server at all goes to each other endpoint of the channel in the same way, so that an
/// endpoint that is down loses no call. Neither counts as an attempt or pays from the budget.
///
/// The delays are 50 ms, 100 ms, 200 ms and so on up to 2 s, each 50 % more or less by chance. A
/// server's retry hint (`retry-after`, `RetryInfo`, `grpc-retry-pushback-ms`) lengthens the wait; one
/// beyond 5 s, or beyond the call's deadline, ends the call at once with the error that carried it,
/// and so does a negative `grpc-retry-pushback-ms`, by which a gRPC server forbids a retry.
///
/// All calls of a channel and its clones share a budget: at most 20 % of them are sent again, plus
/// 10 a second. When it is empty, the error that would have been retried is the answer.
///
/// ```
/// use mcsv_rpc::{Channel, Retry};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> mcsv_rpc::Result<()> {
/// let channel = Channel::connect("http://127.0.0.1:8081")?.with_retry(Retry::idempotent(3));
/// # drop(channel);
/// # Ok(())
/// # }
/// ```
///
/// Customised: quicker, longer, cheaper.
///
/// ```
/// use mcsv_core::Backoff;
/// use mcsv_rpc::Retry;
/// use std::time::Duration;
///
/// let backoff = Backoff::exponential(Duration::from_millis(10), Duration::from_millis(500))?;
/// let retry = Retry::idempotent(5)
///     .with_backoff(backoff)
///     .with_attempt_timeout(Duration::from_millis(200))
///     .with_budget(10, 1);
/// assert_eq!(retry.attempts(), 5);
/// # Ok::<(), mcsv_core::BackoffError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Retry {
    attempts: u32,
    backoff: Option<Backoff>,
    attempt_timeout: Option<Duration>,
    longest_wait: Duration,
    budget: (u32, u32),
}

impl Retry {
    /// The longest retry hint that is waited for, where nothing else is set: 5 s.
    pub const LONGEST_WAIT: Duration = Duration::from_secs(5);

    /// Sends a call at most `attempts` times, the first one counted: from 1 to 10, and what lies
    /// outside counts as the nearer of them.
    #[must_use]
    pub fn idempotent(attempts: u32) -> Self {
        const FIRST: Duration = Duration::from_millis(50);
        const MAX: Duration = Duration::from_secs(2);
        let backoff = Backoff::exponential(FIRST, MAX).and_then(|backoff| backoff.with_jitter(0.5));
        Retry {
            attempts: attempts.clamp(1, 10),
            backoff: backoff.ok(),
            attempt_timeout: None,
            longest_wait: Self::LONGEST_WAIT,
            budget: (20, 10),
        }
    }

    /// Waits as `backoff` says.
    #[must_use]
    pub fn with_backoff(mut self, backoff: Backoff) -> Self {
        self.backoff = Some(backoff);
        self
    }

    /// Gives up one attempt after `timeout` to make the next: for servers that hang. It does not
    /// touch a method that may not be repeated.
    #[must_use]
    pub fn with_attempt_timeout(mut self, timeout: Duration) -> Self {
        self.attempt_timeout = Some(timeout);
        self
    }

    /// Waits for a server's retry hint of at most `wait`, instead of
    /// [`LONGEST_WAIT`](Self::LONGEST_WAIT).
    #[must_use]
    pub fn with_longest_wait(mut self, wait: Duration) -> Self {
        self.longest_wait = wait;
        self
    }

    /// Sends at most `percent` of the calls again, plus `per_second`, which is saved up for ten
    /// seconds. Set it on the channel: a single call's retry pays from its channel's budget.
    #[must_use]
    pub fn with_budget(mut self, percent: u32, per_second: u32) -> Self {
        self.budget = (percent, per_second);
        self
    }

    /// How often a call is sent at most.
    #[must_use]
    pub fn attempts(&self) -> u32 {
        self.attempts
    }

    pub(crate) fn budget(&self) -> (u32, u32) {
        self.budget
    }

    pub(crate) fn attempt_timeout(&self) -> Option<Duration> {
        self.attempt_timeout
    }

    /// The wait before the next attempt after `failed` ones, where there is to be one. `unit`, from
    /// 0 to 1, is chance.
    pub(crate) fn wait(
        &self,
        method: &RpcMethod,
        error: &Error,
        failed: u32,
        unit: f64,
    ) -> Option<Duration> {
        if failed >= self.attempts || !may_repeat(method, error) {
            return None;
        }
        let own = self.backoff.map_or(Duration::ZERO, |backoff| backoff.delay_with(failed, unit));
        match error.retry_after() {
            Some(hint) if hint > self.longest_wait => None,
            Some(hint) => Some(own.max(hint)),
            None => Some(own),
        }
    }
}

/// Whether a second call of `method` does no harm, whatever became of the first.
pub(crate) fn is_repeatable(method: &RpcMethod) -> bool {
    matches!(method.idempotency(), Idempotency::NoSideEffects | Idempotency::Idempotent)
}

/// Whether a second call may go well and does no harm.
pub(crate) fn may_repeat(method: &RpcMethod, error: &Error) -> bool {
    if NoRetry::is_in(error) {
        return false;
    }
    match error.code() {
        Code::Unavailable => is_repeatable(method) || NeverSent::is_in(error),
        Code::ResourceExhausted => is_repeatable(method) && error.retry_after().is_some(),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const READ: RpcMethod = RpcMethod::new("a.B/C").with_idempotency(Idempotency::NoSideEffects);
    const WRITE: RpcMethod = RpcMethod::new("a.B/D");

    fn wait(method: &RpcMethod, error: &Error, failed: u32) -> Option<u64> {
        let wait = Retry::idempotent(3).wait(method, error, failed, 0.5);
        wait.map(|wait| wait.as_millis() as u64)
    }

    #[test]
    fn the_delays_double() {
        let down = Error::unavailable("");
        assert_eq!([1, 2, 3].map(|n| wait(&READ, &down, n)), [Some(50), Some(100), None]);
    }

    #[test]
    fn only_what_does_no_harm_is_repeated() {
        let down = Error::unavailable("");
        assert_eq!(wait(&WRITE, &down, 1), None);
        let unseen = down.with_source(NeverSent::new("refused".into()));
        assert_eq!(wait(&WRITE, &unseen, 1), Some(50));
    }

    #[test]
    fn only_what_helps_is_repeated() {
        for code in Code::ALL {
            let again = wait(&READ, &Error::new(code, ""), 1).is_some();
            assert_eq!(again, code == Code::Unavailable, "{code}");
        }
    }

    #[test]
    fn a_hint_lengthens_the_wait_or_ends_it() {
        let busy =
            |millis| Error::resource_exhausted("").with_retry_after(Duration::from_millis(millis));
        assert_eq!(wait(&READ, &busy(10), 1), Some(50));
        assert_eq!(wait(&READ, &busy(700), 1), Some(700));
        assert_eq!(wait(&READ, &busy(5001), 1), None);
    }
}
