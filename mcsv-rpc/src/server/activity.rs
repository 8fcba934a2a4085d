use std::sync::Arc;
use std::sync::atomic::Ordering::{AcqRel, Acquire, Relaxed};
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64};
use std::task::Waker;

use futures_util::task::AtomicWaker;

/// What happens on one connection: counted where it happens, read by the watchdog; and what the
/// watchdog wants of it.
///
/// Counters instead of times: a call costs no look at the clock and sets no timer.
#[derive(Debug, Default)]
pub(crate) struct Activity {
    http2: AtomicBool,
    /// Bytes from the client, and how many of them there were when a call last ended.
    received: AtomicU64,
    received_at_end: AtomicU64,
    sent: AtomicU64,
    /// Whether the socket takes no more.
    blocked: AtomicBool,
    begun: AtomicU64,
    ended: AtomicU64,
    /// Answers that have more to send than was taken from them, and what was taken.
    untaken: AtomicU64,
    taken: AtomicU64,
    wish: AtomicU8,
    task: AtomicWaker,
}

/// What the server wants of a connection; a later one overrules an earlier one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Wish {
    Stay,
    /// Take no further request, and end when what was accepted is answered.
    Leave,
    /// End now.
    End,
}

/// The state of a connection at one moment. A `Some` is a wait for the client that must not last;
/// its number changes when there is progress.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Waits {
    /// For the rest of a request head.
    pub(crate) head: Option<u64>,
    /// For another request.
    pub(crate) request: Option<u64>,
    /// For the client to take what it asked for.
    pub(crate) socket: Option<u64>,
    pub(crate) window: Option<u64>,
}

impl Activity {
    /// The preface of HTTP/2 and the head of the SETTINGS that follow it.
    const GREETING: u64 = 24 + 9;

    pub(crate) fn waits(&self) -> Waits {
        let (begun, ended) = (self.begun.load(Relaxed), self.ended.load(Relaxed));
        let (received, http2) = (self.received.load(Relaxed), self.http2.load(Relaxed));
        let idle = begun == ended;
        let greeted = begun > 0 || http2 && received >= Self::GREETING;
        // Between the calls of HTTP/2 there are bytes that belong to none.
        let started = !http2 && received > self.received_at_end.load(Relaxed);
        Waits {
            head: (idle && (!greeted || started)).then_some(begun),
            request: idle.then_some(begun),
            socket: self.blocked.load(Relaxed).then(|| self.sent.load(Relaxed)),
            window: (http2 && self.untaken.load(Relaxed) > 0).then(|| self.taken.load(Relaxed)),
        }
    }

    pub(crate) fn read(&self, bytes: usize) {
        // One task reads, so that there is nothing to lose between the load and the store.
        self.received.store(self.received.load(Relaxed) + bytes as u64, Relaxed);
    }

    pub(crate) fn set_http2(&self) {
        self.http2.store(true, Relaxed);
    }

    pub(crate) fn wrote(&self, bytes: usize) {
        self.sent.store(self.sent.load(Relaxed) + bytes as u64, Relaxed);
        if self.blocked.load(Relaxed) {
            self.blocked.store(false, Relaxed);
        }
    }

    /// Tells the task of the connection, which finds it in [`wished`](Self::wished).
    pub(crate) fn wish(&self, wish: Wish) {
        self.wish.fetch_max(wish as u8, AcqRel);
        self.task.wake();
    }

    pub(crate) fn wished(&self) -> Wish {
        match self.wish.load(Acquire) {
            0 => Wish::Stay,
            1 => Wish::Leave,
            _ => Wish::End,
        }
    }

    /// Wakes the task of `waker` at every further wish.
    pub(crate) fn listen(&self, waker: &Waker) {
        self.task.register(waker);
    }

    /// Whether the end of the connection may cut the client off while it sends: HTTP/1.1 alone has no
    /// other way to stop it, and where the server leaves there is no request under way.
    pub(crate) fn may_cut_off(&self) -> bool {
        !self.http2.load(Relaxed) && self.wished() == Wish::Stay
    }

    pub(crate) fn block(&self) {
        self.blocked.store(true, Relaxed);
    }

    /// Counts a call until the value is dropped.
    pub(crate) fn begin(self: &Arc<Self>) -> InFlight {
        self.begun.fetch_add(1, Relaxed);
        InFlight { activity: self.clone(), untaken: false }
    }
}

/// One call, from its head to the end of its answer.
#[derive(Debug)]
pub(crate) struct InFlight {
    activity: Arc<Activity>,
    untaken: bool,
}

impl InFlight {
    fn is_http2(&self) -> bool {
        self.activity.http2.load(Relaxed)
    }

    /// The most bytes of one piece of an answer on HTTP/2. It would take a piece of any size at once and
    /// keep it for a client that opens its window only by a byte, and nobody could see that it waits.
    const SLICE: usize = 128 * 1024;

    /// It is the client's turn to take what is there.
    pub(crate) fn offer(&mut self) {
        if self.is_http2() && !self.untaken {
            self.untaken = true;
            self.activity.untaken.fetch_add(1, Relaxed);
        }
    }

    /// The client takes a piece, which may have as many bytes as this says.
    pub(crate) fn take(&mut self) -> usize {
        if !self.is_http2() {
            return usize::MAX;
        }
        self.activity.taken.fetch_add(1, Relaxed);
        Self::SLICE
    }

    /// The answer waits for its own source, which is not the client's fault.
    pub(crate) fn withdraw(&mut self) {
        if std::mem::take(&mut self.untaken) {
            self.activity.untaken.fetch_sub(1, Relaxed);
        }
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        self.withdraw();
        let activity = &self.activity;
        activity.received_at_end.store(activity.received.load(Relaxed), Relaxed);
        activity.ended.fetch_add(1, Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_that_has_said_nothing_owes_a_head() {
        let activity = Arc::new(Activity::default());
        assert_eq!(activity.waits().head, Some(0));
        activity.set_http2();
        activity.read(24);
        assert_eq!(activity.waits().head, Some(0));
        activity.read(9);
        assert_eq!(activity.waits().head, None);
    }

    #[test]
    fn a_kept_alive_connection_owes_a_head_once_it_has_begun_one() {
        let activity = Arc::new(Activity::default());
        activity.read(18);
        let call = activity.begin();
        assert_eq!((activity.waits().head, activity.waits().request), (None, None));
        drop(call);
        assert_eq!((activity.waits().head, activity.waits().request), (None, Some(1)));
        activity.read(1);
        assert_eq!(activity.waits().head, Some(1));
    }

    #[test]
    fn an_answer_that_waits_for_its_source_is_not_held_against_the_client() {
        let activity = Arc::new(Activity::default());
        activity.set_http2();
        let mut call = activity.begin();
        call.offer();
        assert_eq!(activity.waits().window, Some(0));
        call.take();
        assert_eq!(activity.waits().window, Some(1));
        call.withdraw();
        assert_eq!(activity.waits().window, None);
        call.offer();
        drop(call);
        assert_eq!(activity.waits().window, None);
    }
}
