use std::convert::Infallible;
use std::net::SocketAddr;
use std::pin::pin;
use std::time::Duration;

use http::{Request, Response};
use hyper::body::Incoming;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::watch;

use super::router::{Router, RouterFuture};
use crate::Body;

/// The bounds of one connection.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ConnectionOptions {
    pub(crate) header_timeout: Duration,
    pub(crate) max_header_bytes: usize,
    /// After this a connection takes no further request.
    pub(crate) max_age: Option<Duration>,
}

impl ConnectionOptions {
    /// With an age of its own for the connection from `peer`, whose port is as good as random.
    pub(crate) fn spread(self, peer: SocketAddr) -> Self {
        let shorter = |age: Duration| age - age / 1000 * u32::from(peer.port() % 100);
        ConnectionOptions { max_age: self.max_age.map(shorter), ..self }
    }
}

/// Serves HTTP/1.1, or HTTP/2 where the client starts with its preface, until the connection ends
/// or is asked to end, by `stop` or by its age: then it finishes what it has accepted.
pub(crate) async fn serve_connection(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    router: Router,
    options: ConnectionOptions,
    mut stop: watch::Receiver<bool>,
) {
    let mut builder = Builder::new(TokioExecutor::new());
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(options.header_timeout)
        .max_buf_size(options.max_header_bytes);
    builder
        .http2()
        .timer(TokioTimer::new())
        .keep_alive_interval(options.header_timeout)
        .max_header_list_size(options.max_header_bytes.try_into().unwrap_or(u32::MAX));
    let mut connection = pin!(builder.serve_connection(TokioIo::new(stream), Serving { router }));
    let ended = tokio::select! {
        ended = &mut connection => ended,
        () = end(&mut stop, options.max_age) => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(cause) = ended {
        tracing::debug!(cause, "a connection ended with an error");
    }
}

/// Waits until the connection has to end.
async fn end(stop: &mut watch::Receiver<bool>, max_age: Option<Duration>) {
    // An error says that the server is gone, which is an end too.
    let stopped = async { stop.wait_for(|stop| *stop).await.map(drop).unwrap_or_default() };
    match max_age {
        None => stopped.await,
        Some(age) => tokio::time::timeout(age, stopped).await.unwrap_or_default(),
    }
}

struct Serving {
    router: Router,
}

impl hyper::service::Service<Request<Incoming>> for Serving {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = RouterFuture;

    fn call(&self, request: Request<Incoming>) -> RouterFuture {
        self.router.dispatch(request.map(Body::from))
    }
}
