use std::convert::Infallible;
use std::time::Duration;

use http::{Request, Response};
use hyper::body::Incoming;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use hyper_util::server::graceful::Watcher;
use tokio::net::TcpStream;

use super::router::{Router, RouterFuture};
use crate::Body;

/// The bounds of one connection.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ConnectionOptions {
    pub(crate) header_timeout: Duration,
    pub(crate) max_header_bytes: usize,
}

/// Serves HTTP/1.1, or HTTP/2 where the client starts with its preface, until the connection ends
/// or `watcher` asks it to.
pub(crate) async fn serve_connection(
    stream: TcpStream,
    router: Router,
    options: ConnectionOptions,
    watcher: Watcher,
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
    let connection =
        builder.serve_connection(TokioIo::new(stream), Serving { router }).into_owned();
    if let Err(cause) = watcher.watch(connection).await {
        tracing::debug!(cause, "a connection ended with an error");
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
