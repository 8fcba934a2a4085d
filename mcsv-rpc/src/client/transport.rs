use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use http::{Request, Response};
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::{Builder, Client, ResponseFuture};
use hyper_util::rt::{TokioExecutor, TokioTimer};
use tower_service::Service;

use crate::server::{BoxHttpService, HttpFuture};
use crate::{Body, BoxError, HttpService, Protocol, Router, RouterFuture};

/// What carries a client's requests: a pool of connections, a router in this process, or any tower
/// service.
///
/// It is itself a tower service, so a layer can be put around it and the result given to a client's
/// `new`. Clones share the connections.
#[derive(Clone)]
pub struct Transport {
    kind: Kind,
}

#[derive(Clone)]
enum Kind {
    Http(Arc<Client<HttpConnector, Body>>),
    Http2(Arc<Client<HttpConnector, Body>>),
    Router(Router),
    Other(BoxHttpService),
}

impl Transport {
    /// The longest wait for a TCP connection.
    pub const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

    /// A pool of HTTP/1.1 connections over plain TCP; it connects when it is used.
    ///
    /// An idle connection is closed after 8 seconds, before a [`Server`](crate::Server) closes it,
    /// so that a call seldom meets one that is just ending. A call whose connection was closed
    /// before anything was sent goes out once more on a new one.
    #[must_use]
    pub fn http() -> Self {
        let client = pool().build(connector());
        Transport { kind: Kind::Http(Arc::new(client)) }
    }

    /// One HTTP/2 connection to each server over plain TCP, with prior knowledge; it connects when
    /// it is used, and a dead one is noticed within 30 seconds.
    #[must_use]
    pub fn http2() -> Self {
        let client = pool()
            .http2_only(true)
            .http2_adaptive_window(true)
            .http2_keep_alive_interval(Duration::from_secs(20))
            .http2_keep_alive_timeout(Duration::from_secs(10))
            .build(connector());
        Transport { kind: Kind::Http2(Arc::new(client)) }
    }

    /// Makes the built-in pools fit for `protocol`; any other transport stays as it is.
    pub(crate) fn set_protocol(&mut self, protocol: Protocol) {
        match (&self.kind, protocol) {
            (Kind::Http(_), Protocol::Grpc) => *self = Transport::http2(),
            (Kind::Http2(_), Protocol::Twirp | Protocol::Connect) => *self = Transport::http(),
            _ => {}
        }
    }

    /// Calls `router` in this process: its layers and its codec run, a network does not.
    #[must_use]
    pub fn in_process(router: Router) -> Self {
        Transport { kind: Kind::Router(router) }
    }

    /// Any tower service over HTTP.
    pub fn new(service: impl HttpService) -> Self {
        Transport { kind: Kind::Other(service.boxed()) }
    }

    pub(crate) fn send(&self, request: Request<Body>) -> TransportFuture {
        let pending = match &self.kind {
            Kind::Http(client) | Kind::Http2(client) => Pending::Http(client.request(request)),
            Kind::Router(router) => Pending::Router(router.dispatch(request)),
            Kind::Other(service) => Pending::Other(service.call(request)),
        };
        TransportFuture { pending }
    }
}

fn pool() -> Builder {
    let mut builder = Client::builder(TokioExecutor::new());
    builder
        .pool_timer(TokioTimer::new())
        .timer(TokioTimer::new())
        .pool_idle_timeout(Duration::from_secs(8));
    builder
}

fn connector() -> HttpConnector {
    let mut connector = HttpConnector::new();
    connector.set_nodelay(true);
    connector.set_connect_timeout(Some(Transport::CONNECT_TIMEOUT));
    // A call may be long and without a time-out: a host that vanished must still end it.
    connector.set_keepalive(Some(Duration::from_secs(30)));
    connector.set_keepalive_interval(Some(Duration::from_secs(10)));
    connector.set_keepalive_retries(Some(3));
    connector
}

impl fmt::Debug for Transport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = match &self.kind {
            Kind::Http(_) => "http",
            Kind::Http2(_) => "http2",
            Kind::Router(_) => "in process",
            Kind::Other(_) => "tower service",
        };
        f.debug_tuple("Transport").field(&kind).finish()
    }
}

impl Service<Request<Body>> for Transport {
    type Response = Response<Body>;
    type Error = BoxError;
    type Future = TransportFuture;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> TransportFuture {
        self.send(request)
    }
}

/// The future of a [`Transport`].
#[must_use = "a future does nothing until it is polled"]
pub struct TransportFuture {
    pending: Pending,
}

enum Pending {
    Http(ResponseFuture),
    Router(RouterFuture),
    Other(HttpFuture),
}

impl Future for TransportFuture {
    type Output = Result<Response<Body>, BoxError>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        Poll::Ready(match &mut self.get_mut().pending {
            Pending::Http(future) => match ready!(Pin::new(future).poll(cx)) {
                Ok(response) => Ok(response.map(Body::from)),
                Err(error) => Err(error.into()),
            },
            Pending::Router(future) => match ready!(Pin::new(future).poll(cx)) {
                Ok(response) => Ok(response),
                Err(never) => match never {},
            },
            Pending::Other(future) => ready!(future.as_mut().poll(cx)),
        })
    }
}

impl fmt::Debug for TransportFuture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TransportFuture").finish_non_exhaustive()
    }
}
