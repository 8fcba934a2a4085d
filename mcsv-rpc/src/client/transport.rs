use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use http::{Request, Response};
use hyper_util::client::legacy::{Builder, Client, ResponseFuture};
use hyper_util::rt::{TokioExecutor, TokioTimer};
use tower_service::Service;

use super::connector::{Connector, Speaks, Trust};
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
    trust: Trust,
}

#[derive(Clone)]
enum Kind {
    Http(Arc<Client<Connector, Body>>),
    Http2(Arc<Client<Connector, Body>>),
    Router(Router),
    Other(BoxHttpService),
}

impl Transport {
    /// The longest wait for a TCP connection.
    pub const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

    /// A pool of HTTP/1.1 connections; it connects when it is used.
    ///
    /// An idle connection is closed after 8 seconds, before a [`Server`](crate::Server) closes it,
    /// so that a call seldom meets one that is just ending. A call whose connection was closed
    /// before anything was sent goes out once more on a new one.
    #[must_use]
    pub fn http() -> Self {
        Transport::trusting(Trust::default(), Speaks::Http1)
    }

    /// One HTTP/2 connection to each server, with prior knowledge; it connects when it is used, and a
    /// dead one is noticed within 30 seconds.
    #[must_use]
    pub fn http2() -> Self {
        Transport::trusting(Trust::default(), Speaks::Http2)
    }

    pub(crate) fn trusting(trust: Trust, speaks: Speaks) -> Self {
        let connector = trust.connector(speaks);
        let kind = match speaks {
            Speaks::Http1 => Kind::Http(Arc::new(pool().build(connector))),
            Speaks::Http2 => Kind::Http2(Arc::new(
                pool()
                    .http2_only(true)
                    .http2_adaptive_window(true)
                    .http2_keep_alive_interval(Duration::from_secs(20))
                    .http2_keep_alive_timeout(Duration::from_secs(10))
                    .build(connector),
            )),
        };
        Transport { kind, trust }
    }

    /// Makes the built-in pools fit for `protocol`; any other transport stays as it is.
    pub(crate) fn set_protocol(&mut self, protocol: Protocol) {
        let speaks = match (&self.kind, protocol) {
            (Kind::Http(_), Protocol::Grpc) => Speaks::Http2,
            (Kind::Http2(_), Protocol::Twirp | Protocol::Connect) => Speaks::Http1,
            _ => return,
        };
        *self = Transport::trusting(self.trust.clone(), speaks);
    }

    /// Trusts `trust` from now on, where the transport is one of the built-in pools.
    #[cfg(feature = "tls")]
    pub(crate) fn set_trust(&mut self, trust: Trust) {
        match self.kind {
            Kind::Http(_) => *self = Transport::trusting(trust, Speaks::Http1),
            Kind::Http2(_) => *self = Transport::trusting(trust, Speaks::Http2),
            Kind::Router(_) | Kind::Other(_) => {}
        }
    }

    /// Calls `router` in this process: its layers and its codec run, a network does not.
    #[must_use]
    pub fn in_process(router: Router) -> Self {
        Transport { kind: Kind::Router(router), trust: Trust::default() }
    }

    /// Any tower service over HTTP.
    pub fn new(service: impl HttpService) -> Self {
        Transport { kind: Kind::Other(service.boxed()), trust: Trust::default() }
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
