use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use http::{Request, Response, StatusCode, Version};
use hyper::body::Incoming;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::watch;

use super::activity::Activity;
use super::router::Router;
use super::router_future::RouterFuture;
use super::watchdog::{Overdue, Patience, Watchdog};
use super::watched::{WatchedBody, WatchedFuture, WatchedStream};
use crate::Body;
#[cfg(feature = "tls")]
use crate::PeerCertificate;

/// The most header lines of a request. Hyper has the same bound for HTTP/1.1, and none for HTTP/2.
const MOST_HEADERS: usize = 100;

/// What one HTTP/2 stream holds back of its answer, at most, beside the slice that it is at.
const SEND_BUFFER: usize = 128 * 1024;

/// The bounds of one connection.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ConnectionOptions {
    pub(crate) patience: Patience,
    pub(crate) max_header_bytes: usize,
    /// HTTP/2 calls at a time.
    pub(crate) max_streams: u32,
    /// HTTP/2 streams that were reset before they were looked at.
    pub(crate) max_resets: usize,
    /// After this a connection takes no further request.
    pub(crate) max_age: Option<Duration>,
}

impl ConnectionOptions {
    pub(crate) fn new() -> Self {
        ConnectionOptions {
            patience: Patience {
                head: Duration::from_secs(10),
                idle: Duration::from_secs(120),
                write: Duration::from_secs(30),
            },
            max_header_bytes: 64 * 1024,
            max_streams: 200,
            max_resets: 20,
            max_age: None,
        }
    }

    /// With an age of its own for the connection from `peer`, whose port is as good as random.
    pub(crate) fn spread(self, peer: SocketAddr) -> Self {
        let shorter = |age: Duration| age - age / 1000 * u32::from(peer.port() % 100);
        ConnectionOptions { max_age: self.max_age.map(shorter), ..self }
    }

    fn builder(self) -> Builder<TokioExecutor> {
        let mut builder = Builder::new(TokioExecutor::new());
        builder
            .http1()
            .timer(TokioTimer::new())
            // The watchdog has an eye on heads, without a timer for each.
            .header_read_timeout(None)
            .max_buf_size(self.max_header_bytes);
        builder
            .http2()
            .timer(TokioTimer::new())
            .keep_alive_interval(self.patience.head)
            .max_concurrent_streams(self.max_streams)
            .max_pending_accept_reset_streams(self.max_resets)
            .max_local_error_reset_streams(self.max_resets)
            .max_send_buf_size(SEND_BUFFER)
            .max_header_list_size(self.max_header_bytes.try_into().unwrap_or(u32::MAX));
        builder
    }
}

/// Serves HTTP/1.1, or HTTP/2 where the client starts with its preface, until the connection ends
/// or is asked to end, by `stop`, its age or its idleness: then it finishes what it has accepted. A
/// client that keeps the server waiting is cut off.
pub(crate) async fn serve_connection(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    router: Router,
    #[cfg(feature = "tls")] certificate: Option<PeerCertificate>,
    options: ConnectionOptions,
    mut stop: watch::Receiver<bool>,
) {
    let activity = Arc::<Activity>::default();
    let stream = TokioIo::new(WatchedStream::new(stream, activity.clone()));
    let mut watchdog = Watchdog::new(activity.clone(), options.patience);
    let serving = Serving {
        router,
        activity: activity.clone(),
        #[cfg(feature = "tls")]
        certificate,
    };
    let builder = options.builder();
    let mut connection = pin!(builder.serve_connection(stream, serving));
    let mut end = pin!(end(&mut stop, options.max_age));
    let mut leaving = false;
    loop {
        tokio::select! {
            // The connection first: a request that has arrived is taken before the end is.
            biased;
            ended = &mut connection => {
                if let Err(cause) = ended {
                    tracing::debug!(cause, "a connection ended with an error");
                }
                return;
            }
            () = &mut end, if !leaving => {}
            overdue = watchdog.overdue() => {
                if overdue != Overdue::Idle || leaving {
                    tracing::debug!(?overdue, "cut off a connection");
                    return;
                }
            }
        }
        leaving = true;
        activity.leave();
        watchdog.patience.idle = watchdog.patience.head.min(watchdog.patience.idle);
        connection.as_mut().graceful_shutdown();
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
    activity: Arc<Activity>,
    #[cfg(feature = "tls")]
    certificate: Option<PeerCertificate>,
}

impl hyper::service::Service<Request<Incoming>> for Serving {
    type Response = Response<WatchedBody>;
    type Error = std::convert::Infallible;
    type Future = WatchedFuture;

    fn call(&self, request: Request<Incoming>) -> WatchedFuture {
        let call = self.activity.begin(request.version() == Version::HTTP_2);
        WatchedFuture::new(self.answer(request.map(Body::from)), call)
    }
}

impl Serving {
    #[cfg_attr(not(feature = "tls"), expect(unused_mut, reason = "TLS adds to the request"))]
    fn answer(&self, mut request: Request<Body>) -> RouterFuture {
        if request.headers().len() > MOST_HEADERS {
            let mut refusal = Response::new(Body::empty());
            *refusal.status_mut() = StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE;
            return RouterFuture::refused(refusal, None);
        }
        #[cfg(feature = "tls")]
        if let Some(certificate) = &self.certificate {
            request.extensions_mut().insert(certificate.clone());
        }
        self.router.dispatch(request)
    }
}
