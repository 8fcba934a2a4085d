use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::runtime::Handle;

/// A future that goes on in a task of its own when nobody waits for it any more.
///
/// Until then it runs where it is awaited: a task of its own from the start would take its time to begin.
pub(super) struct Detach<T: Send + 'static>(Option<Running<T>>);

type Running<T> = Pin<Box<dyn Future<Output = T> + Send>>;

impl<T: Send + 'static> Detach<T> {
    pub(super) fn new(future: impl Future<Output = T> + Send + 'static) -> Self {
        Detach(Some(Box::pin(future)))
    }
}

impl<T: Send + 'static> Future for Detach<T> {
    type Output = T;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<T> {
        let Some(running) = &mut self.0 else { return Poll::Pending };
        let ready = running.as_mut().poll(cx);
        if ready.is_ready() {
            self.0 = None;
        }
        ready
    }
}

impl<T: Send + 'static> Drop for Detach<T> {
    fn drop(&mut self) {
        // Without a runtime there is no connection that could go on, either.
        if let (Some(running), Ok(runtime)) = (self.0.take(), Handle::try_current()) {
            runtime.spawn(running);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use tokio::sync::{Notify, oneshot};

    use super::*;

    #[tokio::test]
    async fn what_is_given_up_goes_on_to_its_end() {
        let gate = Arc::new(Notify::new());
        let (done, is_done) = oneshot::channel();
        let waits = Arc::clone(&gate);
        let mut detach = Detach::new(async move {
            waits.notified().await;
            let _ = done.send(());
        });
        assert!(futures_util::poll!(&mut detach).is_pending());
        drop(detach);
        gate.notify_one();

        is_done.await.unwrap();
    }

    #[tokio::test]
    async fn what_has_ended_is_not_run_again() {
        let mut detach = Detach::new(std::future::ready(7));

        assert_eq!(futures_util::poll!(&mut detach), Poll::Ready(7));
        assert!(futures_util::poll!(&mut detach).is_pending());
    }
}
