use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use mcsv_core::{Backoff, BackoffError};
use tokio::time::{Instant, sleep};

/// How long a command waits for a stack that it has reached before, such as one that restarts.
const KNOWN: Duration = Duration::from_secs(60);
/// How long for one that it has never reached: it may be starting, or not be there at all.
const UNKNOWN: Duration = Duration::from_secs(5);

/// The patience of one command with the stack that it talks to, shared by all of its calls: a stack
/// that is away is waited for once and not once per file.
#[derive(Clone)]
pub(crate) struct Patience {
    backoff: Backoff,
    ends: Arc<Mutex<Instant>>,
}

impl Patience {
    pub(crate) fn new() -> Result<Self, BackoffError> {
        Ok(Patience {
            backoff: Backoff::exponential(Duration::from_millis(50), Duration::from_secs(2))?,
            ends: Arc::new(Mutex::new(Instant::now() + UNKNOWN)),
        })
    }

    /// Calls until it succeeds, the error is one that time does not heal, or patience ends.
    pub(crate) async fn call<T, E, F: Future<Output = Result<T, E>>>(
        &self,
        heals: impl Fn(&E) -> bool,
        mut call: impl FnMut() -> F,
    ) -> Result<T, E> {
        let mut attempt = 0;
        loop {
            attempt += 1;
            match call().await {
                Err(error) if heals(&error) && Instant::now() < *self.ends() => {
                    sleep(self.backoff.delay(attempt)).await;
                }
                Err(error) => return Err(error),
                Ok(answer) => {
                    *self.ends() = Instant::now() + KNOWN;
                    return Ok(answer);
                }
            }
        }
    }

    fn ends(&self) -> std::sync::MutexGuard<'_, Instant> {
        self.ends.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn gives_up_soon_on_a_stack_that_was_never_there_and_once_for_all_calls() {
        let patience = Patience::new().unwrap();
        let begun = Instant::now();

        for _ in 0..10 {
            assert!(patience.call(|()| true, || async { Err::<(), ()>(()) }).await.is_err());
        }

        let waited = begun.elapsed();
        assert!(waited >= UNKNOWN && waited < UNKNOWN * 2, "{waited:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn waits_through_a_restart_of_a_stack_that_it_knows() {
        let patience = Patience::new().unwrap();
        patience.call(|()| true, || async { Ok(()) }).await.unwrap();
        let back = Instant::now() + KNOWN / 2;
        let calls = Cell::new(0);

        let answered = patience.call(
            |()| true,
            || {
                calls.set(calls.get() + 1);
                async move { if Instant::now() < back { Err(()) } else { Ok(()) } }
            },
        );

        assert!(answered.await.is_ok() && calls.get() > 3);
    }

    #[tokio::test(start_paused = true)]
    async fn an_error_that_time_does_not_heal_is_returned_at_once() {
        let patience = Patience::new().unwrap();
        let begun = Instant::now();

        assert!(patience.call(|()| false, || async { Err::<(), ()>(()) }).await.is_err());

        assert_eq!(begun.elapsed(), Duration::ZERO);
    }
}
