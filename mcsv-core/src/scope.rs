use std::cell::RefCell;
use std::future::Future;
use std::marker::PhantomData;
use std::pin::Pin;
use std::task::{Context, Poll};

use pin_project_lite::pin_project;
use tracing::Span;

use crate::TraceContext;
use crate::bridge::bridge;

thread_local! {
    static CURRENT: RefCell<Option<TraceContext>> = const { RefCell::new(None) };
}

impl TraceContext {
    /// The context of the work that is running here: the bridge's current span, else the innermost
    /// [`scope`](Self::scope).
    #[must_use]
    pub fn current() -> Option<TraceContext> {
        bridge().and_then(|bridge| bridge.current()).or_else(|| CURRENT.with_borrow(Clone::clone))
    }

    /// The context of `span`, after `remote` (else the current context) has become its parent.
    ///
    /// This is what a library calls where work enters: a request, a job.
    ///
    /// ```
    /// use mcsv_core::TraceContext;
    /// use tracing::Instrument;
    ///
    /// # async fn handle() {}
    /// # async fn entry(remote: Option<TraceContext>) {
    /// let span = tracing::info_span!("handle");
    /// let context = TraceContext::for_span(&span, remote.as_ref());
    /// context.scope(handle().instrument(span)).await;
    /// # }
    /// ```
    #[must_use]
    pub fn for_span(span: &Span, remote: Option<&TraceContext>) -> TraceContext {
        if let Some(bridge) = bridge() {
            if let Some(parent) = remote {
                bridge.set_parent(span, parent);
            }
            if let Some(context) = bridge.context_of(span) {
                return context;
            }
        }
        match remote {
            Some(parent) => parent.child(),
            None => TraceContext::current().map_or_else(Self::random_root, |here| here.child()),
        }
    }

    /// Runs `future` with this context as the [current](Self::current) one.
    ///
    /// It holds while the future is polled and on no other task, like a span that instruments it: a
    /// task that the future spawns starts without it.
    pub fn scope<F: Future>(self, future: F) -> Scoped<F> {
        Scoped { future, context: self }
    }

    /// Runs `work` with this context as the [current](Self::current) one.
    pub fn in_scope<R>(&self, work: impl FnOnce() -> R) -> R {
        let _entered = self.enter();
        work()
    }

    /// Makes this context the [current](Self::current) one until the value is dropped, which has to
    /// be on the same thread and before an await: for futures that are written by hand.
    /// [`scope`](Self::scope) does it for all others.
    ///
    /// ```
    /// use mcsv_core::TraceContext;
    ///
    /// let context = TraceContext::random_root();
    /// let entered = context.enter();
    /// assert_eq!(TraceContext::current().as_ref(), Some(&context));
    /// drop(entered);
    /// assert_eq!(TraceContext::current(), None);
    /// ```
    pub fn enter(&self) -> TraceScope {
        TraceScope { outer: CURRENT.replace(Some(self.clone())), not_send: PhantomData }
    }
}

pin_project! {
    /// A future that runs in a trace context; made by [`TraceContext::scope`].
    #[must_use = "a future does nothing until it is polled"]
    pub struct Scoped<F> {
        #[pin]
        future: F,
        context: TraceContext,
    }
}

impl<F: Future> Future for Scoped<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let this = self.project();
        let _entered = this.context.enter();
        this.future.poll(cx)
    }
}

/// A context that is current until this is dropped; made by [`TraceContext::enter`].
///
/// The outer one is put back also when the work in between panics.
#[must_use = "it is left at once"]
#[derive(Debug)]
pub struct TraceScope {
    outer: Option<TraceContext>,
    /// What is current is so on one thread.
    not_send: PhantomData<*const ()>,
}

impl Drop for TraceScope {
    fn drop(&mut self) {
        CURRENT.set(self.outer.take());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_inside_leaves_the_outer_context() {
        let outer = TraceContext::random_root();
        outer.in_scope(|| {
            let inner = outer.child();
            let panicked = std::panic::catch_unwind(|| inner.in_scope(|| panic!("inside")));

            assert!(panicked.is_err());
            assert_eq!(TraceContext::current().as_ref(), Some(&outer));
        });
        assert_eq!(TraceContext::current(), None);
    }

    #[tokio::test]
    async fn interleaved_futures_each_see_their_own_context() {
        async fn seen_around_a_yield() -> [Option<TraceContext>; 2] {
            let before = TraceContext::current();
            tokio::task::yield_now().await;
            [before, TraceContext::current()]
        }
        let (a, b) = (TraceContext::random_root(), TraceContext::random_root());

        let (in_a, in_b) = tokio::join!(
            a.clone().scope(seen_around_a_yield()),
            b.clone().scope(seen_around_a_yield())
        );

        assert_eq!(in_a, [Some(a.clone()), Some(a)]);
        assert_eq!(in_b, [Some(b.clone()), Some(b)]);
    }

    #[test]
    fn a_span_without_bridge_continues_the_remote_trace() {
        let remote = TraceContext::random_root();

        let here = TraceContext::for_span(&Span::none(), Some(&remote));

        assert_eq!(here.trace_id(), remote.trace_id());
        assert_ne!(here.span_id(), remote.span_id());
    }

    #[test]
    fn a_span_without_remote_continues_the_current_trace() {
        let outer = TraceContext::random_root();

        let here = outer.in_scope(|| TraceContext::for_span(&Span::none(), None));

        assert_eq!(here.trace_id(), outer.trace_id());
    }
}
