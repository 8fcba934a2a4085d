use std::sync::Arc;
use std::task::{Context, Poll};

use tracing::Span;

use super::{InService, service_span};

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
    type Service = NamedService<S>;

    fn layer(&self, inner: S) -> NamedService<S> {
        NamedService::new(inner, &self.name)
    }
}

/// The middleware of [`ServiceLayer`].
///
/// ```
/// use mcsv_telemetry::{NamedService, metrics_service};
///
/// let service = NamedService::new(metrics_service(), "ops");
/// # let _ = service.get_ref();
/// ```
#[derive(Clone, Debug)]
pub struct NamedService<S> {
    inner: S,
    span: Span,
}

impl<S> NamedService<S> {
    /// Runs the requests of `inner` as those of the service `name`.
    pub fn new(inner: S, name: &str) -> Self {
        NamedService { inner, span: service_span(name) }
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

impl<S, R> tower_service::Service<R> for NamedService<S>
where
    S: tower_service::Service<R>,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = InService<S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        let _entered = self.span.enter();
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: R) -> Self::Future {
        let _entered = self.span.enter();
        InService::new(self.inner.call(request), self.span.clone())
    }
}
