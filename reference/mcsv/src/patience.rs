use std::future::Future;
use std::time::Duration;

use mcsv_core::Backoff;
use tokio::time::{Instant, sleep};

/// How long a command waits for a service that is away, such as one that restarts.
const PATIENCE: Duration = Duration::from_secs(60);

/// Calls until it succeeds, the error is one that time does not heal, or patience ends.
pub(crate) async fn patiently<T, E, F: Future<Output = Result<T, E>>>(
    heals: impl Fn(&E) -> bool,
    mut call: impl FnMut() -> F,
) -> Result<T, E> {
    let until = Instant::now() + PATIENCE;
    let backoff = Backoff::exponential(Duration::from_millis(100), Duration::from_secs(2));
    // The two constants above are in range.
    let backoff = backoff.expect("100 ms to 2 s is a back-off");
    for attempt in 1.. {
        match call().await {
            Err(error) if heals(&error) && Instant::now() < until => {
                sleep(backoff.delay(attempt)).await;
            }
            ended => return ended,
        }
    }
    unreachable!("the loop has no end but its returns")
}
