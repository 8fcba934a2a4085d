use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use pin_project_lite::pin_project;
use tracing::Span;

use super::service_span;

/// Runs every request as one of several services of this process: [`with_service`] as a
/// [`tower_layer::Layer`].
///
/// Put it outermost in the stack of a service whose requests run on tasks that a server spawns.
///
/// ```
/// use mcsv_telemetry::ServiceLayer;
/// use tower_layer::Layer as _;
///
/// # let inner = mcsv_telemetry::metrics_service();
/// let service = ServiceLayer::new("user_svc").layer(inner);
/// # let _ = service;
/// ```
///
/// [`with_service`]: crate::with_service
#[derive(Clone, Debug)]
pub struct ServiceLayer {
    name: Arc<str>,
}

impl ServiceLayer {
    /// A layer for the service of this name.
    #[must_use]
    pub fn new(name: &str) -> Self {
        ServiceLayer { name: name.into() }
    }
}

impl<S> tower_layer::Layer<S> for ServiceLayer {
    type Service = Service<S>;

    fn layer(&self, inner: S) -> Service<S> {
        Service::new(inner, &self.name)
    }
}

/// The middleware of [`ServiceLayer`].
#[derive(Clone, Debug)]
pub struct Service<S> {
    inner: S,
    span: Span,
}

impl<S> Service<S> {
    /// Runs the requests of `inner` as those of the service `name`.
    pub fn new(inner: S, name: &str) -> Self {
        Service { inner, span: service_span(name) }
    }

    /// The service inside.
    pub fn get_ref(&self) -> &S {
        &self.inner
    }

    /// The service inside.
    pub fn get_mut(&mut self) -> &mut S {
        &mut self.inner
    }

    /// The service inside.
    pub fn into_inner(self) -> S {
        self.inner
    }
}

impl<S, R> tower_service::Service<R> for Service<S>
where
    S: tower_service::Service<R>,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = ServiceFuture<S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        let _entered = self.span.enter();
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: R) -> Self::Future {
        let _entered = self.span.enter();
        ServiceFuture { future: self.inner.call(request), span: self.span.clone() }
    }
}

pin_project! {
    /// The answer of a [`Service`].
    #[must_use = "a future does nothing until it is polled"]
    #[derive(Debug)]
    pub struct ServiceFuture<F> {
        #[pin]
        future: F,
        span: Span,
    }
}

impl<F: Future> Future for ServiceFuture<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let this = self.project();
        let _entered = this.span.enter();
        this.future.poll(cx)
    }
}
