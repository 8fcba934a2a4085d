use std::any::Any;
use std::future::{Future, poll_fn};
use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::task::Poll;

use futures_util::FutureExt;
use mcsv_core::{Deadline, Error};
use tokio::time::Instant;

use super::answer::Answer;
use crate::late_timer::LateTimer;

/// Runs `work` until `deadline`, and turns a panic in it into an answer.
pub(crate) async fn guard(
    work: Pin<&mut impl Future<Output = Answer>>,
    deadline: Option<Deadline>,
) -> Answer {
    // What the panic left half-done belongs to the handler's own state, which is its business: as
    // with a task that panics, the process goes on.
    let mut work = AssertUnwindSafe(work).catch_unwind();
    let finished = match deadline {
        None => work.await,
        Some(deadline) => {
            let end = Instant::from_std(deadline.instant());
            if end <= Instant::now() {
                return late();
            }
            let mut timer = LateTimer::default();
            let raced = poll_fn(|cx| match work.poll_unpin(cx) {
                Poll::Ready(finished) => Poll::Ready(Some(finished)),
                Poll::Pending => timer.poll(cx, || end).map(|()| None),
            });
            let Some(finished) = raced.await else { return late() };
            finished
        }
    };
    finished.unwrap_or_else(|panic| Answer::refused(panicked(&*panic)))
}

fn late() -> Answer {
    Answer::refused(Error::deadline_exceeded("the call's deadline passed on the server"))
}

fn panicked(panic: &(dyn Any + Send)) -> Error {
    let text = panic.downcast_ref::<&str>().copied();
    let text = text.or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    let text = text.unwrap_or("no message");
    Error::internal("internal error").with_source(format!("the handler panicked: {text}"))
}
