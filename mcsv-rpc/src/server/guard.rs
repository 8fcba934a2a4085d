use std::any::Any;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::task::{Context, Poll};

use mcsv_core::{Deadline, Error};
use pin_project_lite::pin_project;
use tokio::time::Instant;

use super::answer::Answer;
use super::exchange::Begin;
use crate::late_timer::LateTimer;
use crate::within;

pin_project! {
    /// Work that ends at its deadline, and whose panic is an answer too.
    pub(super) struct Guarded<F> {
        deadline: Option<Deadline>,
        timer: LateTimer,
        is_late: bool,
        #[pin]
        work: F,
    }
}

impl<F> Guarded<F> {
    /// Work whose deadline has passed already does not start.
    #[inline]
    pub(super) fn new(deadline: Option<Deadline>, work: F) -> Self {
        let is_late = deadline.is_some_and(|deadline| end(deadline) <= Instant::now());
        Guarded { deadline, timer: LateTimer::default(), is_late, work }
    }
}

impl<F: Begin> Begin for Guarded<F> {
    fn poll_begin(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let this = self.project();
        if *this.is_late { Poll::Ready(()) } else { this.work.poll_begin(cx) }
    }
}

impl<F: Future<Output = Answer>> Future for Guarded<F> {
    type Output = Answer;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Answer> {
        let this = self.project();
        if *this.is_late {
            return Poll::Ready(late());
        }
        let outer = within::enter(*this.deadline);
        // What a panic leaves half-done belongs to the handler's own state, which is its business: as
        // with a task that panics, the process goes on.
        let polled = catch_unwind(AssertUnwindSafe(|| this.work.poll(cx)));
        drop(outer);
        match (polled, *this.deadline) {
            (Ok(Poll::Ready(answer)), _) => Poll::Ready(answer),
            (Err(panic), _) => Poll::Ready(Answer::refused(panicked(&*panic))),
            (Ok(Poll::Pending), None) => Poll::Pending,
            (Ok(Poll::Pending), Some(deadline)) => {
                this.timer.poll(cx, || end(deadline)).map(|()| late())
            }
        }
    }
}

fn end(deadline: Deadline) -> Instant {
    Instant::from_std(deadline.instant())
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
