use std::convert::Infallible;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use http::Response;
use pin_project_lite::pin_project;

use super::answer::Answer;
use super::exchange::Begin;
use super::guard::Guarded;
use super::places::Place;
use crate::Body;
use crate::dialect::Dialect;
use crate::observe::Observed;

/// Any work that ends with an answer.
pub(super) type BoxWork = Pin<Box<dyn Future<Output = Answer> + Send>>;

pin_project! {
    /// One call from its admission to its response, in its span and its trace.
    pub(super) struct Running<E> {
        observed: Observed,
        dialect: Dialect,
        place: Option<Place>,
        #[pin]
        work: Guarded<Work<E>>,
    }
}

pin_project! {
    #[project = WorkProjection]
    pub(super) enum Work<E> {
        /// A call that nothing is around.
        Bare { #[pin] exchange: E },
        /// One within layers, or one that is refused.
        Boxed { work: BoxWork },
    }
}

impl<E> Running<E> {
    #[inline]
    pub(super) fn new(
        observed: Observed,
        dialect: Dialect,
        place: Option<Place>,
        work: Guarded<Work<E>>,
    ) -> Self {
        Running { observed, dialect, place, work }
    }
}

impl<E: Future<Output = Answer> + Begin> Future for Running<E> {
    type Output = Result<Response<Body>, Infallible>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let mut work = this.work;
        ready!(work.as_mut().poll_begin(cx));
        let scope = this.observed.scope();
        let answer = ready!(work.poll(cx));
        let response = answer.into_response(*this.dialect, this.observed);
        drop(scope);
        // Before the answer is sent: its client may ask again at once.
        *this.place = None;
        Poll::Ready(Ok(response))
    }
}

impl<E: Begin> Begin for Work<E> {
    fn poll_begin(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        match self.project() {
            WorkProjection::Bare { exchange } => exchange.poll_begin(cx),
            WorkProjection::Boxed { .. } => Poll::Ready(()),
        }
    }
}

impl<E: Future<Output = Answer>> Future for Work<E> {
    type Output = Answer;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Answer> {
        match self.project() {
            WorkProjection::Bare { exchange } => exchange.poll(cx),
            WorkProjection::Boxed { work } => work.as_mut().poll(cx),
        }
    }
}
