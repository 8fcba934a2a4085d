use std::cell::Cell;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use mcsv_core::Deadline;
use pin_project_lite::pin_project;

thread_local! {
    static CURRENT: Cell<Option<Deadline>> = const { Cell::new(None) };
}

/// The deadline of the work that is running here: of the call that is being handled, or of
/// [`within`].
///
/// Every client call made here inherits it.
#[must_use]
pub fn current_deadline() -> Option<Deadline> {
    CURRENT.get()
}

/// Runs `future` so that every client call made in it ends at `deadline` at the latest.
///
/// A handler runs like this already. Use it where work starts that has a deadline and is no call: a
/// job, a task that a handler spawns. It only passes the deadline on; to give up `future` itself,
/// use a timer.
///
/// ```
/// use mcsv_rpc::{Deadline, current_deadline, within};
/// use std::time::Duration;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let now = tokio::time::Instant::now().into_std();
/// let deadline = Deadline::after(now, Duration::from_secs(5));
/// within(deadline, async { assert_eq!(current_deadline(), Some(deadline)) }).await;
/// assert_eq!(current_deadline(), None);
/// # }
/// ```
pub fn within<F: Future>(deadline: Deadline, future: F) -> Within<F> {
    let deadline = current_deadline().map_or(deadline, |outer| outer.earliest(deadline));
    Within::exactly(Some(deadline), future)
}

pin_project! {
    /// A future that runs under a deadline; made by [`within`].
    #[must_use = "a future does nothing until it is polled"]
    pub struct Within<F> {
        #[pin]
        future: F,
        deadline: Option<Deadline>,
    }
}

impl<F> Within<F> {
    /// Replaces the outer deadline, also by none: an in-process handler must see what its request
    /// says, as it would across a network.
    pub(crate) fn exactly(deadline: Option<Deadline>, future: F) -> Self {
        Within { future, deadline }
    }
}

impl<F: Future> Future for Within<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let this = self.project();
        let _outer = enter(*this.deadline);
        this.future.poll(cx)
    }
}

/// Replaces the outer deadline until the value is dropped, also by none: an in-process handler must
/// see what its request says, as it would across a network.
pub(crate) fn enter(deadline: Option<Deadline>) -> Restored {
    Restored(CURRENT.replace(deadline))
}

/// Puts the outer deadline back when it goes, also when the work inside panics.
pub(crate) struct Restored(Option<Deadline>);

impl Drop for Restored {
    fn drop(&mut self) {
        CURRENT.set(self.0);
    }
}
