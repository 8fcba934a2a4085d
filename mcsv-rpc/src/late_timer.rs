use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::time::{Instant, Sleep, sleep_until};

/// Asks for one more look at work that is pending.
///
/// Nearly every call is pending once, since its body is delivered right after its head, and done
/// at the next poll. One more look is cheaper than what would be made for one that lasts.
#[derive(Default)]
pub(crate) struct FirstLook(bool);

impl FirstLook {
    /// Pending, and woken again, the first time.
    pub(crate) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if std::mem::replace(&mut self.0, true) {
            return Poll::Ready(());
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }
}

/// A timer that is set only for work that is still pending at its second look.
#[derive(Default)]
pub(crate) struct LateTimer {
    first: FirstLook,
    sleep: Option<Pin<Box<Sleep>>>,
}

impl LateTimer {
    /// Asks for one more look, then waits until `end`, which is asked for once.
    pub(crate) fn poll(&mut self, cx: &mut Context<'_>, end: impl FnOnce() -> Instant) -> Poll<()> {
        ready!(self.first.poll(cx));
        let sleep = self.sleep.get_or_insert_with(|| Box::pin(sleep_until(end())));
        sleep.as_mut().poll(cx)
    }

    /// Moves the end, where the timer is set; else the next wait starts with a look.
    pub(crate) fn reset(&mut self, end: impl FnOnce() -> Instant) {
        match &mut self.sleep {
            Some(sleep) => sleep.as_mut().reset(end()),
            None => self.first = FirstLook::default(),
        }
    }
}
