use std::convert::Infallible;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use apalis_core::error::BoxDynError;
use apalis_core::task::Task;
use tower_layer::Layer;
use tower_service::Service;

use super::Delivery;
use super::supervise::{Supervisor, panic_text};
use crate::Outcome;

/// The middleware that turns what a handler returned into what the database stores.
///
/// It is the outermost layer of a worker on a [`QueueBackend`](crate::QueueBackend): it restores the
/// trace, bounds the time, catches panics, and hears the outcome before anybody else can lose it.
#[derive(Clone, Debug)]
pub struct AckLayer {
    supervisor: Arc<Supervisor>,
}

impl AckLayer {
    pub(super) fn new(supervisor: Supervisor) -> Self {
        AckLayer { supervisor: Arc::new(supervisor) }
    }
}

impl<S> Layer<S> for AckLayer {
    type Service = AckService<S>;

    fn layer(&self, inner: S) -> AckService<S> {
        AckService { inner, supervisor: Arc::clone(&self.supervisor) }
    }
}

/// The service of [`AckLayer`]. It never fails: a failed attempt is an outcome like any other.
#[derive(Clone, Debug)]
pub struct AckService<S> {
    inner: S,
    supervisor: Arc<Supervisor>,
}

impl<S> Service<Task<Delivery>> for AckService<S>
where
    S: Service<Task<Delivery>>,
    S::Future: Send + 'static,
    S::Response: Into<Outcome> + Send + 'static,
    S::Error: Into<BoxDynError> + Send + 'static,
{
    type Response = ();
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<(), Infallible>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        // An inner service that is broken answers each call with its error: see `call`.
        self.inner.poll_ready(cx).map(|_| Ok(()))
    }

    fn call(&mut self, mut task: Task<Delivery>) -> Self::Future {
        let attempt = self.supervisor.begin(&mut task.args);
        // A handler may panic before its future exists, and that must not end the worker.
        let started = attempt.enter(|| catch_unwind(AssertUnwindSafe(|| self.inner.call(task))));
        Box::pin(async move {
            match started {
                Ok(run) => {
                    let run = async move { run.await.map(Into::into).map_err(Into::into) };
                    attempt.supervise(run).await;
                }
                Err(panic) => attempt.panicked(&panic_text(&*panic)),
            }
            Ok(())
        })
    }
}
