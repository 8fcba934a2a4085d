use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::time::{Instant, Sleep, sleep_until};

/// A timer that is set only for work that is still pending at its second look.
///
/// Nearly every call is pending once, since its body is delivered right after its head, and done
/// at the next poll. One more look is cheaper than a timer for each.
#[derive(Default)]
pub(crate) struct LateTimer {
    looked: bool,
    sleep: Option<Pin<Box<Sleep>>>,
}

impl LateTimer {
    /// Asks for one more look, then waits until `end`, which is asked for once.
    pub(crate) fn poll(&mut self, cx: &mut Context<'_>, end: impl FnOnce() -> Instant) -> Poll<()> {
        if !self.looked {
            self.looked = true;
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        let sleep = self.sleep.get_or_insert_with(|| Box::pin(sleep_until(end())));
        sleep.as_mut().poll(cx)
    }

    /// Moves the end, where the timer is set; else the next wait starts with a look.
    pub(crate) fn reset(&mut self, end: impl FnOnce() -> Instant) {
        match &mut self.sleep {
            Some(sleep) => sleep.as_mut().reset(end()),
            None => self.looked = false,
        }
    }
}
