use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

/// One switch that ends a program in order, and a count of the work that it waits for.
///
/// ```text
///  running --begin()--> draining --last guard dropped--> drained
/// ```
///
/// Clones are handles on the same switch. It needs no runtime: its futures are woken by whoever
/// calls [`begin`](Shutdown::begin) or drops the last [guard](Shutdown::guard).
///
/// ```
/// use mcsv_core::Shutdown;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let shutdown = Shutdown::new();
/// let work = shutdown.guard();      // held by each piece of accepted work
/// shutdown.begin();                 // on a signal: accept nothing new
/// shutdown.begun().await;
/// drop(work);                       // the last piece ends
/// shutdown.drained().await;
/// # }
/// ```
#[derive(Clone, Debug, Default)]
pub struct Shutdown {
    state: Arc<Mutex<State>>,
}

#[derive(Debug, Default)]
struct State {
    begun: bool,
    guards: usize,
    waiting: Vec<(u64, Waker)>,
    next_waiter: u64,
}

impl State {
    fn is_drained(&self) -> bool {
        self.begun && self.guards == 0
    }
}

impl Shutdown {
    /// A switch that is not thrown.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Throws the switch. Again is fine.
    pub fn begin(&self) {
        let woken = {
            let mut state = self.lock();
            state.begun = true;
            std::mem::take(&mut state.waiting)
        };
        wake(woken);
    }

    /// Whether the switch is thrown.
    #[must_use]
    pub fn is_begun(&self) -> bool {
        self.lock().begun
    }

    /// Counts one piece of work until the guard is dropped.
    ///
    /// A guard can be taken after [`begin`](Self::begin) too: work that was accepted may start more.
    #[must_use = "the work is counted only while the guard lives"]
    pub fn guard(&self) -> ShutdownGuard {
        self.lock().guards += 1;
        ShutdownGuard { shutdown: self.clone() }
    }

    /// Waits until the switch is thrown.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: nothing is lost by dropping it, and a later call sees the same switch.
    pub fn begun(&self) -> Begun {
        Begun(Waiting { shutdown: self.clone(), id: None })
    }

    /// Waits until the switch is thrown and no guard is alive.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe, like [`begun`](Self::begun).
    pub fn drained(&self) -> Drained {
        Drained(Waiting { shutdown: self.clone(), id: None })
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Nothing in here panics half-way, so a poisoned lock still guards a whole state.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn wake(waiting: Vec<(u64, Waker)>) {
    for (_, waker) in waiting {
        waker.wake();
    }
}

/// A piece of work that a [`Shutdown`] waits for.
#[derive(Debug)]
pub struct ShutdownGuard {
    shutdown: Shutdown,
}

impl Drop for ShutdownGuard {
    fn drop(&mut self) {
        let woken = {
            let mut state = self.shutdown.lock();
            state.guards -= 1;
            if state.is_drained() { std::mem::take(&mut state.waiting) } else { Vec::new() }
        };
        wake(woken);
    }
}

/// Ends when a [`Shutdown`] begins; made by [`Shutdown::begun`].
#[derive(Debug)]
#[must_use = "a future does nothing until it is polled"]
pub struct Begun(Waiting);

/// Ends when a [`Shutdown`] is drained; made by [`Shutdown::drained`].
#[derive(Debug)]
#[must_use = "a future does nothing until it is polled"]
pub struct Drained(Waiting);

impl Future for Begun {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        self.get_mut().0.poll_until(cx, |state| state.begun)
    }
}

impl Future for Drained {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        self.get_mut().0.poll_until(cx, State::is_drained)
    }
}

#[derive(Debug)]
struct Waiting {
    shutdown: Shutdown,
    id: Option<u64>,
}

impl Waiting {
    fn poll_until(&mut self, cx: &mut Context<'_>, done: fn(&State) -> bool) -> Poll<()> {
        let mut state = self.shutdown.lock();
        if done(&state) {
            return Poll::Ready(());
        }
        let id = *self.id.get_or_insert_with(|| {
            state.next_waiter += 1;
            state.next_waiter
        });
        match state.waiting.iter_mut().find(|(known, _)| *known == id) {
            Some((_, waker)) => waker.clone_from(cx.waker()),
            None => state.waiting.push((id, cx.waker().clone())),
        }
        Poll::Pending
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        if let Some(id) = self.id {
            self.shutdown.lock().waiting.retain(|(known, _)| *known != id);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::pin::pin;
    use std::task::Poll;

    fn poll<F: Future>(future: Pin<&mut F>) -> Poll<F::Output> {
        future.poll(&mut Context::from_waker(Waker::noop()))
    }

    #[test]
    fn is_drained_only_when_begun_and_idle() {
        let shutdown = Shutdown::new();
        let mut drained = pin!(shutdown.drained());
        assert!(poll(drained.as_mut()).is_pending());

        let work = shutdown.guard();
        shutdown.begin();
        assert!(poll(drained.as_mut()).is_pending());

        drop(work);
        assert!(poll(drained).is_ready());
    }

    #[test]
    fn a_dropped_waiter_leaves_nothing_behind() {
        let shutdown = Shutdown::new();
        {
            let mut begun = pin!(shutdown.begun());
            assert!(poll(begun.as_mut()).is_pending());
            assert!(poll(begun.as_mut()).is_pending());
            assert_eq!(shutdown.lock().waiting.len(), 1);
        }
        assert_eq!(shutdown.lock().waiting.len(), 0);
    }

    #[tokio::test]
    async fn wakes_every_waiter() {
        let shutdown = Shutdown::new();
        let waiters: Vec<_> = (0..3).map(|_| tokio::spawn(shutdown.begun())).collect();
        tokio::task::yield_now().await;

        shutdown.begin();

        for waiter in waiters {
            waiter.await.unwrap();
        }
    }
}
