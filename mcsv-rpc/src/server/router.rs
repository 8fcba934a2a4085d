use std::convert::Infallible;
use std::fmt;
use std::future::Future;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::{Method, Request, Response};
use mcsv_core::{Error, Health, Result};
use tower_layer::Layer;
use tower_service::Service;

use super::call::IncomingCall;
use super::http_service::{HttpFuture, HttpService};
use super::routes::{Route, Routes, Target};
use super::service::{RpcService, ServiceFuture};
use crate::read::Bounds;
use crate::twirp::error_response;
use crate::{Body, BoxError, PeerAddr};

/// Everything that one port serves: RPC services, health, and any tower service beside them.
///
/// A router is itself a tower service over `http::Request`, so that it can run under
/// [`Server`](crate::Server), inside another framework, or as a client's transport without a
/// network. Cloning it is cheap.
///
/// Each method has three paths: `/twirp/package.Service/Method`, `/package.Service/Method`, and
/// `/alias/Method` for every alias of its service.
///
/// ```
/// use mcsv_rpc::{Health, Router};
///
/// let app = Router::new().with_body_limit(1 << 20).health(Health::new());
/// app.check()?;
/// # Ok::<(), mcsv_rpc::Error>(())
/// ```
#[derive(Clone)]
pub struct Router {
    routes: Arc<Routes>,
    peer: Option<SocketAddr>,
}

impl Router {
    /// The most bytes of a request message, where nothing else is set: 4 MiB.
    pub const BODY_LIMIT: usize = 4 << 20;

    /// The longest pause in a request's body, where nothing else is set.
    pub const BODY_IDLE: Duration = Duration::from_secs(30);

    /// A router that knows no path.
    #[must_use]
    pub fn new() -> Self {
        Router::of(Routes::new(Self::BODY_LIMIT, Self::BODY_IDLE))
    }

    fn of(routes: Routes) -> Self {
        Router { routes: Arc::new(routes), peer: None }
    }

    fn edit(mut self, change: impl FnOnce(&mut Routes)) -> Self {
        change(Arc::make_mut(&mut self.routes));
        self
    }

    /// Serves an RPC service.
    #[must_use]
    #[expect(clippy::should_implement_trait, reason = "a router is no number")]
    pub fn add(self, service: impl RpcService) -> Self {
        self.edit(|routes| routes.add_service(Arc::new(service)))
    }

    /// Hands every request whose path starts with `prefix` to `service`, path unchanged. The
    /// longest prefix wins; an exact path wins over a prefix.
    #[must_use]
    pub fn nest(self, prefix: &str, service: impl HttpService) -> Self {
        self.edit(|routes| routes.add_nest(prefix, service.boxed()))
    }

    /// Hands every request for exactly `path` to `service`.
    #[must_use]
    pub fn route(self, path: &str, service: impl HttpService) -> Self {
        let target = Target::Http(service.boxed());
        self.edit(|routes| routes.insert(path.to_owned(), target))
    }

    /// Answers `GET /health/live`, `/health` (the same) and `/health/ready`, the last with 503 and
    /// the failed checks while `health` is not ready. Each check has 2 seconds.
    ///
    /// [`Server`](crate::Server) sets `health` draining when its shutdown begins.
    #[must_use]
    pub fn health(self, health: Health) -> Self {
        self.edit(|routes| routes.add_health(&health))
    }

    /// Takes request messages of at most `bytes` where a method has no limit of its own, instead of
    /// [`BODY_LIMIT`](Self::BODY_LIMIT). What a [`layer`](Self::layer) has closed keeps its limit.
    #[must_use]
    pub fn with_body_limit(self, bytes: usize) -> Self {
        self.edit(|routes| routes.limit = bytes)
    }

    /// Gives up on a request whose body pauses for longer than `idle`, instead of
    /// [`BODY_IDLE`](Self::BODY_IDLE), or that comes slower than 1 KiB a second beyond that.
    #[must_use]
    pub fn with_body_idle(self, idle: Duration) -> Self {
        self.edit(|routes| routes.idle = idle)
    }

    /// Puts `layer` around all that was added so far; what is added later stays outside of it.
    ///
    /// An error of the layer, such as a time-out or a refused load, is answered as `unavailable`. To
    /// answer something else, make the response with [`error_response`].
    #[must_use]
    pub fn layer<L>(self, layer: L) -> Self
    where
        L: Layer<Router>,
        L::Service: HttpService,
    {
        let mut outer = Routes::new(self.routes.limit, self.routes.idle);
        outer.healths = self.routes.healths.clone();
        outer.defects = self.routes.defects.clone();
        outer.fallback = Some(layer.layer(self).boxed());
        Router::of(outer)
    }

    /// Whether every route can be reached. [`Server::serve`](crate::Server::serve) asks it first.
    ///
    /// # Errors
    ///
    /// `failed_precondition`: two routes have one path, a path does not start with a slash, or an
    /// alias or a limit names a method that is not there. The message names all of them.
    pub fn check(&self) -> Result<()> {
        match &self.routes.defects[..] {
            [] => Ok(()),
            defects => {
                Err(Error::failed_precondition(format!("bad routes: {}", defects.join("; "))))
            }
        }
    }

    pub(crate) fn with_peer(&self, peer: SocketAddr) -> Self {
        Router { routes: self.routes.clone(), peer: Some(peer) }
    }

    pub(crate) fn set_draining(&self) {
        self.routes.healths.iter().for_each(Health::set_draining);
    }

    pub(crate) fn dispatch(&self, mut request: Request<Body>) -> RouterFuture {
        let path = request.uri().path();
        let http = match self.routes.find(path) {
            Some(Target::Rpc(route)) => return self.dispatch_rpc(route, request),
            Some(Target::Probe(probe)) => return RouterFuture::rpc(probe.answer(request.method())),
            Some(Target::Http(service)) => Some(service),
            None => self.routes.find_http(path),
        };
        let Some(service) = http else {
            return RouterFuture::refused(&no_route(path));
        };
        if let Some(peer) = self.peer {
            request.extensions_mut().insert(PeerAddr(peer));
        }
        RouterFuture(Pending::Http(service.call(request)))
    }

    fn dispatch_rpc(&self, route: &Route, request: Request<Body>) -> RouterFuture {
        if request.method() != Method::POST {
            return RouterFuture::refused(&Error::bad_route(format!(
                "unsupported method {} for {}: use POST",
                shown(request.method().as_str()),
                route.method.full_name()
            )));
        }
        let (parts, body) = request.into_parts();
        let limit = route.limit.unwrap_or(self.routes.limit);
        let bounds = Bounds { limit, idle: Some(self.routes.idle) };
        let call = IncomingCall { method: route.method, parts, body, bounds, peer: self.peer };
        RouterFuture::rpc(route.service.call(route.index, call))
    }
}

fn no_route(path: &str) -> Error {
    Error::bad_route(format!("no route for {:?}", shown(path)))
}

/// At most 200 bytes of what a stranger sent.
fn shown(text: &str) -> &str {
    &text[..text.floor_char_boundary(200)]
}

impl Default for Router {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Router {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Router").finish_non_exhaustive()
    }
}

impl<B> Service<Request<B>> for Router
where
    B: http_body::Body<Data = Bytes> + Send + 'static,
    B::Error: Into<BoxError>,
{
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = RouterFuture;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> RouterFuture {
        self.dispatch(request.map(Body::new))
    }
}

/// The future of a [`Router`]; it never fails, an error is an answer.
#[must_use = "a future does nothing until it is polled"]
pub struct RouterFuture(Pending);

enum Pending {
    Rpc(ServiceFuture),
    Http(HttpFuture),
    Refused(Option<Response<Body>>),
}

impl RouterFuture {
    fn rpc(future: ServiceFuture) -> Self {
        RouterFuture(Pending::Rpc(future))
    }

    fn refused(error: &Error) -> Self {
        tracing::debug!(%error, "refused a request");
        RouterFuture(Pending::Refused(Some(error_response(error))))
    }
}

impl Future for RouterFuture {
    type Output = Result<Response<Body>, Infallible>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match &mut self.get_mut().0 {
            Pending::Rpc(future) => future.as_mut().poll(cx).map(Ok),
            Pending::Http(future) => {
                future.as_mut().poll(cx).map(|result| Ok(result.unwrap_or_else(failed)))
            }
            Pending::Refused(response) => match response.take() {
                Some(response) => Poll::Ready(Ok(response)),
                None => Poll::Pending,
            },
        }
    }
}

fn failed(cause: BoxError) -> Response<Body> {
    tracing::warn!(%cause, "a layer or a nested service failed");
    error_response(&Error::unavailable("the service can't answer now"))
}

impl fmt::Debug for RouterFuture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RouterFuture").finish_non_exhaustive()
    }
}
