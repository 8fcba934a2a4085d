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
    dial: Dial,
}

/// How the built-in pools connect.
#[derive(Clone)]
struct Dial {
    trust: Trust,
    timeout: Duration,
    /// HTTP/2 also where the protocol does not need it.
    prefers_http2: bool,
}

impl Default for Dial {
    fn default() -> Self {
        let timeout = Transport::CONNECT_TIMEOUT;
        Dial { trust: Trust::default(), timeout, prefers_http2: false }
    }
}

#[derive(Clone)]
enum Kind {
    Http(Arc<Client<Connector, Body>>),
    Http2(Arc<Client<Connector, Body>>),
    Router(Router),
    Other(BoxHttpService),
}

impl Transport {
    /// The longest wait for a TCP connection, where nothing else is set.
    pub const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

    /// A pool of HTTP/1.1 connections; it connects when it is used.
    ///
    /// An idle connection is closed after 8 seconds, before a [`Server`](crate::Server) closes it,
    /// so that a call seldom meets one that is just ending. A call whose connection was closed
    /// before anything was sent goes out once more on a new one.
    ///
    /// A host name is resolved anew for each connection, and its addresses are tried in turn until
    /// one takes it: the first that answers gets the calls. To spread them, give
    /// [`Endpoints`](crate::Endpoints) one URL for each address.
    #[must_use]
    pub fn http() -> Self {
        Transport::dialing(Dial::default(), Speaks::Http1)
    }

    /// One HTTP/2 connection to each server, with prior knowledge; it connects when it is used, and a
    /// dead one is noticed within 30 seconds.
    #[must_use]
    pub fn http2() -> Self {
        Transport::dialing(Dial { prefers_http2: true, ..Dial::default() }, Speaks::Http2)
    }

    fn dialing(dial: Dial, speaks: Speaks) -> Self {
        let connector = dial.trust.connector(speaks, dial.timeout);
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
        Transport { kind, dial }
    }

    /// Makes the built-in pools fit for `protocol`; any other transport stays as it is.
    pub(crate) fn set_protocol(&mut self, protocol: Protocol) {
        let speaks = match protocol {
            Protocol::Grpc => Speaks::Http2,
            _ if self.dial.prefers_http2 => Speaks::Http2,
            Protocol::Twirp | Protocol::Connect => Speaks::Http1,
        };
        if self.speaks().is_some_and(|now| now != speaks) {
            *self = Transport::dialing(self.dial.clone(), speaks);
        }
    }

    /// Speaks HTTP/2 whatever the protocol, where the transport is one of the built-in pools.
    pub(crate) fn set_http2(&mut self) {
        if self.speaks().is_some() {
            let dial = Dial { prefers_http2: true, ..self.dial.clone() };
            *self = Transport::dialing(dial, Speaks::Http2);
        }
    }

    pub(crate) fn set_connect_timeout(&mut self, timeout: Duration) {
        self.dial.timeout = timeout;
        self.redial();
    }

    /// Changes what the built-in pools trust and prove from now on.
    #[cfg(feature = "tls")]
    pub(crate) fn edit_trust(
        &mut self,
        change: impl FnOnce(&mut Trust) -> mcsv_core::Result<()>,
    ) -> mcsv_core::Result<()> {
        change(&mut self.dial.trust)?;
        self.redial();
        Ok(())
    }

    fn redial(&mut self) {
        if let Some(speaks) = self.speaks() {
            *self = Transport::dialing(self.dial.clone(), speaks);
        }
    }

    /// `None` where the transport is no pool of its own.
    fn speaks(&self) -> Option<Speaks> {
        match self.kind {
            Kind::Http(_) => Some(Speaks::Http1),
            Kind::Http2(_) => Some(Speaks::Http2),
            Kind::Router(_) | Kind::Other(_) => None,
        }
    }

    /// Calls `router` in this process: its layers and its codec run, a network does not.
    #[must_use]
    pub fn in_process(router: Router) -> Self {
        Transport { kind: Kind::Router(router), dial: Dial::default() }
    }

    /// Any tower service over HTTP.
    pub fn new(service: impl HttpService) -> Self {
        Transport { kind: Kind::Other(service.boxed()), dial: Dial::default() }
    }

    pub(crate) fn send(&self, request: Request<Body>) -> TransportFuture {
        let pending = match &self.kind {
            Kind::Http(client) | Kind::Http2(client) => Pending::Http(client.request(request)),
            Kind::Router(router) => Pending::Router(router.answer(request)),
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
