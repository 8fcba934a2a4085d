use std::convert::Infallible;
use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use mcsv_core::{Error, Health, Result};
use tower_layer::Layer;
use tower_service::Service;

use super::dispatch::dispatch;
use super::http_service::HttpService;
use super::negotiate::Form;
use super::places::Places;
use super::router_future::RouterFuture;
use super::routes::{Route, Routes, Target};
use super::service::RpcService;
use crate::dialect::Dialect;
use crate::grpc_health::{CHECK, HealthService};
use crate::observe::refused;
use crate::read::{drain, expects};
use crate::rpc_layer::Layers;
use crate::{Body, BoxError, Cx, OpenApi, PeerAddr, RpcLayer, error_response_to, openapi};

/// Everything that one port serves: RPC services, health, and any tower service beside them.
///
/// A router is itself a tower service over `http::Request`, so that it can run under
/// [`Server`](crate::Server), inside another framework, or as a client's transport without a
/// network. Cloning it is cheap.
///
/// Each method has three paths: `/twirp/package.Service/Method`, `/package.Service/Method`, and
/// `/alias/Method` for every alias of its service. Each answers every protocol.
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

    /// The shortest answer that is compressed, where nothing else is set: 1 KiB.
    pub const COMPRESS_FROM: usize = 1024;

    /// What stands before `/package.Service/Method` in Twirp's paths, where nothing else is set.
    pub const TWIRP_PREFIX: &str = "/twirp";

    /// A router that knows no path.
    #[must_use]
    pub fn new() -> Self {
        Router::of(Routes::new())
    }

    fn of(routes: Routes) -> Self {
        Router { routes: Arc::new(routes), peer: None }
    }

    fn edit(mut self, change: impl FnOnce(&mut Routes)) -> Self {
        let routes = Arc::make_mut(&mut self.routes);
        change(routes);
        routes.written = openapi::Written::default();
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
    /// The same answer goes to gRPC's own probes, which call `grpc.health.v1.Health/Check`.
    ///
    /// [`Server`](crate::Server) sets `health` draining when its shutdown begins.
    #[must_use]
    pub fn health(self, health: Health) -> Self {
        self.edit(|routes| routes.add_health(&health))
    }

    /// Serves Twirp at `prefix/package.Service/Method`, instead of
    /// [`TWIRP_PREFIX`](Self::TWIRP_PREFIX); with an empty one, at `/package.Service/Method` alone.
    ///
    /// ```
    /// let app = mcsv_rpc::Router::new().with_twirp_prefix("/api/rpc");
    /// # app.check()?;
    /// # Ok::<(), mcsv_rpc::Error>(())
    /// ```
    #[must_use]
    pub fn with_twirp_prefix(self, prefix: &str) -> Self {
        self.edit(|routes| routes.set_twirp_prefix(prefix))
    }

    /// Answers `GET /openapi.json` and `/openapi.yaml` with `document` and every service that is
    /// added to this router, before or after. What is added outside of a [`layer`](Self::layer)
    /// that is around this is not in it.
    ///
    /// ```
    /// use mcsv_rpc::{OpenApi, Router};
    ///
    /// let app = Router::new().openapi(OpenApi::new("Shop", "1.0"));
    /// ```
    #[must_use]
    pub fn openapi(self, document: OpenApi) -> Self {
        self.edit(|routes| routes.add_openapi(document))
    }

    /// Takes request messages of at most `bytes` where a method has no limit of its own, instead of
    /// [`BODY_LIMIT`](Self::BODY_LIMIT). What a [`layer`](Self::layer) has closed keeps its limit.
    #[must_use]
    pub fn with_body_limit(self, bytes: usize) -> Self {
        self.edit(|routes| routes.limit = bytes)
    }

    /// Compresses answers of at least `bytes` for clients that accept zstd or gzip, instead of
    /// [`COMPRESS_FROM`](Self::COMPRESS_FROM). `usize::MAX` compresses none.
    ///
    /// A gRPC client gets a compressed answer only where its request was compressed, and in kind.
    #[must_use]
    pub fn with_compression_from(self, bytes: usize) -> Self {
        self.edit(|routes| routes.compress_from = bytes)
    }

    /// Runs at most `calls` calls at a time, over all connections; without this there is no bound but
    /// that on connections. A further one is answered at once with `unavailable` and the hint to
    /// come back in a second. Health checks and other HTTP services are not counted.
    #[must_use]
    pub fn with_concurrency_limit(self, calls: usize) -> Self {
        self.edit(|routes| routes.places = Some(Places::new(calls)))
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
    /// answer something else, make the response with [`error_response`](crate::error_response).
    #[must_use]
    pub fn layer<L>(self, layer: L) -> Self
    where
        L: Layer<Router>,
        L::Service: HttpService,
    {
        let mut outer = Routes::new();
        outer.limit = self.routes.limit;
        outer.idle = self.routes.idle;
        outer.compress_from = self.routes.compress_from;
        outer.twirp_prefix = self.routes.twirp_prefix.clone();
        outer.healths = self.routes.healths.clone();
        outer.places = self.routes.places.clone();
        outer.services = self.routes.services.clone();
        outer.parts = self.routes.parts.clone();
        outer.defects = self.routes.defects.clone();
        outer.fallback = Some(layer.layer(self).boxed());
        Router::of(outer)
    }

    /// Puts an [`RpcLayer`] around the calls of all services that were added so far, also of those
    /// within a [`layer`](Self::layer) or a nested router; what is added later stays outside of it.
    ///
    /// So a second layer goes around the first: the one that was added last sees a call first, and
    /// its answer last. Health checks are no calls of yours, and a request that is refused by its
    /// path, type or verb becomes none.
    ///
    /// ```
    /// use mcsv_rpc::{Cx, Next, Router};
    ///
    /// let app = Router::new().rpc_layer(|cx: Cx, next: Next| async move {
    ///     let method = cx.method();
    ///     next.run(cx).await.inspect_err(|error| eprintln!("{}: {error}", method.name()))
    /// });
    /// # drop(app);
    /// ```
    #[must_use]
    pub fn rpc_layer(self, layer: impl RpcLayer) -> Self {
        let layer = Layers::one(layer);
        self.edit(|routes| routes.add_rpc_layer(&layer))
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

    pub(crate) fn peer(&self) -> Option<SocketAddr> {
        self.peer
    }

    pub(crate) fn set_draining(&self) {
        self.routes.healths.iter().for_each(Health::set_draining);
    }

    pub(crate) fn answer(&self, request: Request<Body>) -> RouterFuture {
        let (parts, body) = request.into_parts();
        self.dispatch(Cx::arrived(parts, self.peer), body)
    }

    pub(crate) fn dispatch(&self, mut cx: Cx, body: Body) -> RouterFuture {
        let path = cx.parts().uri.path();
        let http = match self.routes.find(path) {
            Some(Target::Rpc(route)) => {
                let places = self.routes.places.as_ref();
                return dispatch(&self.routes, route, places, cx, body);
            }
            Some(Target::Probe(probe)) => {
                return RouterFuture::rpc(probe.answer(&cx.parts().method));
            }
            Some(Target::OpenApi(document, form)) => {
                let Routes { twirp_prefix, parts, written, .. } = &*self.routes;
                let method = &cx.parts().method;
                let answer = openapi::answer(method, *form, document, twirp_prefix, parts, written);
                return RouterFuture::rpc(Box::pin(std::future::ready(Ok(answer))));
            }
            Some(Target::GrpcHealth(health)) => {
                let service = HealthService::server(health.clone(), self.routes.services.clone());
                let bare = Route::new(Arc::new(service), 0, CHECK);
                // Neither counted nor asked who it is: a server that is full is still healthy.
                Layers::take_passed(cx.extensions_mut());
                let route = Route { form: Form::Bare, ..bare };
                return dispatch(&self.routes, &route, None, cx, body);
            }
            Some(Target::Http(service)) => Some(service),
            None => self.routes.find_http(path),
        };
        let Some(service) = http else {
            let error = no_route(path);
            let parts = cx.parts();
            refused(Some(Dialect::of_stray(parts).protocol), None, error.code().as_str());
            drain(expects(&parts.headers), body);
            return RouterFuture::refused(error_response_to(parts, &error));
        };
        if let Some(peer) = self.peer {
            cx.extensions_mut().insert(PeerAddr(peer));
        }
        RouterFuture::http(service.call(Request::from_parts(cx.into_parts(), body)))
    }
}

fn no_route(path: &str) -> Error {
    Error::bad_route(format!("no route for {:?}", shown(path)))
}

/// At most 200 bytes of what a stranger sent.
fn shown(text: &str) -> &str {
    &text[..text.floor_char_boundary(200)]
}

/// A router of one service, where nothing else is to be set.
impl<S: RpcService> From<S> for Router {
    fn from(service: S) -> Self {
        Router::new().add(service)
    }
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
        self.answer(request.map(Body::new))
    }
}
