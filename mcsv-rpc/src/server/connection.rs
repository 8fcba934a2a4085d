use std::future::poll_fn;
use std::io;
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Poll, Waker};
use std::time::Duration;

use bytes::Bytes;
use http::request::Parts;
use http::{HeaderValue, Request, Response, StatusCode, Version, header};
use hyper::body::Incoming;
use hyper::server::conn::{http1, http2};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};

use super::activity::{Activity, Wish};
use super::http1::Http1;
use super::router::Router;
use super::router_future::RouterFuture;
use super::watchdog::Patience;
use super::watched::{WatchedFuture, WatchedStream};
#[cfg(feature = "tls")]
use crate::PeerCertificate;
use crate::{Body, BoxError, Cx};

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
    /// HTTP/2 clients have to answer a PING this often, and within as long.
    pub(crate) ping_interval: Option<Duration>,
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
            max_header_bytes: 128 * 1024,
            max_streams: 200,
            max_resets: 20,
            ping_interval: None,
            max_age: None,
        }
    }

    /// An age of its own for the connection from `peer`, whose port is as good as random.
    pub(crate) fn max_age_of(&self, peer: SocketAddr) -> Option<Duration> {
        self.max_age.map(|age| age - age / 1000 * u32::from(peer.port() % 100))
    }

    fn http1(self) -> http1::Builder {
        let mut builder = http1::Builder::new();
        // The watchdog has an eye on heads, without a timer for each.
        builder.header_read_timeout(None).max_buf_size(self.max_header_bytes);
        builder
    }

    fn http2(self) -> http2::Builder<TokioExecutor> {
        let mut builder = http2::Builder::new(TokioExecutor::new());
        if let Some(interval) = self.ping_interval {
            builder
                .timer(TokioTimer::new())
                .keep_alive_interval(interval)
                .keep_alive_timeout(interval);
        }
        builder
            .max_concurrent_streams(self.max_streams)
            .max_pending_accept_reset_streams(self.max_resets)
            .max_local_error_reset_streams(self.max_resets)
            .max_send_buf_size(SEND_BUFFER)
            .max_header_list_size(self.max_header_bytes.try_into().unwrap_or(u32::MAX));
        builder
    }
}

/// Serves HTTP/1.1, or HTTP/2 where the client starts with its preface, until the connection ends
/// or `activity` says that it has to: then it finishes what it has accepted, or is cut off.
pub(crate) async fn serve_connection(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    router: Router,
    #[cfg(feature = "tls")] certificate: Option<PeerCertificate>,
    options: ConnectionOptions,
    activity: Arc<Activity>,
) {
    let mut stream = WatchedStream::new(stream, activity.clone());
    let http2 = match while_wanted(&activity, pin!(stream.starts_http2()), None).await {
        Some(Ok(http2)) => http2,
        Some(Err(cause)) => return tracing::debug!(%cause, "a connection ended with an error"),
        None => return,
    };
    let serving = Serving {
        router,
        activity: activity.clone(),
        max_header_bytes: options.max_header_bytes,
        #[cfg(feature = "tls")]
        certificate,
    };
    let ended = if http2 {
        activity.set_http2();
        serve_http2(stream, serving, options).await
    } else {
        serve_http1(stream, serving, options).await
    };
    if let Err(cause) = ended {
        tracing::debug!(cause, "a connection ended with an error");
    }
}

pub(super) async fn serve_http1(
    mut stream: WatchedStream<impl AsyncRead + AsyncWrite + Unpin + Send + 'static>,
    serving: Serving,
    options: ConnectionOptions,
) -> Result<(), BoxError> {
    match serve_plain(&mut stream, &serving).await? {
        Some(unanswered) => stream.put_back(unanswered),
        None => return Ok(()),
    }
    serve_any_http1(stream, serving, options).await
}

/// What there is to answer when the connection does not end.
async fn serve_plain(
    stream: &mut WatchedStream<impl AsyncRead + AsyncWrite + Unpin>,
    serving: &Serving,
) -> io::Result<Option<Bytes>> {
    let plain = pin!(Http1::new(stream, serving));
    let ended = while_wanted(&serving.activity, plain, Some(Http1::leave)).await;
    ended.transpose().map(Option::flatten)
}

pub(super) async fn serve_any_http1(
    stream: WatchedStream<impl AsyncRead + AsyncWrite + Unpin + Send + 'static>,
    serving: Serving,
    options: ConnectionOptions,
) -> Result<(), BoxError> {
    let activity = serving.activity.clone();
    let connection = pin!(options.http1().serve_connection(TokioIo::new(stream), serving));
    let leave = http1::Connection::graceful_shutdown;
    Ok(while_wanted(&activity, connection, Some(leave)).await.transpose().map(drop)?)
}

async fn serve_http2(
    stream: WatchedStream<impl AsyncRead + AsyncWrite + Unpin + Send + 'static>,
    serving: Serving,
    options: ConnectionOptions,
) -> Result<(), BoxError> {
    let activity = serving.activity.clone();
    let connection = pin!(options.http2().serve_connection(TokioIo::new(stream), serving));
    let leave = http2::Connection::graceful_shutdown;
    Ok(while_wanted(&activity, connection, Some(leave)).await.transpose().map(drop)?)
}

/// Runs `work` to its end, or until it is wished away. Where it knows how to `leave` it is asked to,
/// and ends by itself.
pub(super) async fn while_wanted<F: Future>(
    activity: &Activity,
    mut work: Pin<&mut F>,
    leave: Option<fn(Pin<&mut F>)>,
) -> Option<F::Output> {
    let (mut known, mut asked) = (None::<Waker>, false);
    poll_fn(|cx| {
        if !known.as_ref().is_some_and(|known| known.will_wake(cx.waker())) {
            activity.listen(cx.waker());
            known = Some(cx.waker().clone());
        }
        loop {
            // The work first: a request that has arrived is taken before the end is.
            if let Poll::Ready(ended) = work.as_mut().poll(cx) {
                return Poll::Ready(Some(ended));
            }
            match (activity.wished(), leave) {
                (Wish::End, _) | (Wish::Leave, None) => return Poll::Ready(None),
                (Wish::Leave, Some(leave)) if !asked => leave(work.as_mut()),
                _ => return Poll::Pending,
            }
            asked = true;
        }
    })
    .await
}

/// What answers the requests of one connection.
pub(super) struct Serving {
    pub(super) router: Router,
    pub(super) activity: Arc<Activity>,
    pub(super) max_header_bytes: usize,
    #[cfg(feature = "tls")]
    pub(super) certificate: Option<PeerCertificate>,
}

impl hyper::service::Service<Request<Incoming>> for Serving {
    type Response = Response<Body>;
    type Error = std::convert::Infallible;
    type Future = WatchedFuture;

    fn call(&self, request: Request<Incoming>) -> WatchedFuture {
        let (parts, body) = request.into_parts();
        let Some(status) = self.refusal(&parts) else { return self.begin(parts, body.into()) };
        let mut refusal = Response::new(Body::empty());
        *refusal.status_mut() = status;
        if parts.version == Version::HTTP_11 {
            refusal.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
        }
        WatchedFuture::new(RouterFuture::refused(refusal), self.activity.begin())
    }
}

impl Serving {
    /// The answer to a head that hyper lets through, and that is not to be answered otherwise.
    fn refusal(&self, parts: &Parts) -> Option<StatusCode> {
        let Parts { headers, version, .. } = parts;
        if headers.len() > MOST_HEADERS || head_bytes(parts) > self.max_header_bytes {
            return Some(StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE);
        }
        if *version != Version::HTTP_11 {
            return None;
        }
        // RFC 9112, section 3.2.
        if headers.get_all(header::HOST).iter().count() != 1 {
            return Some(StatusCode::BAD_REQUEST);
        }
        // RFC 9112, section 6.1: hyper undoes chunks, and no other coding that is below them.
        let mut codings = headers.get_all(header::TRANSFER_ENCODING).iter();
        let unknown = codings.any(|value| !value.as_bytes().eq_ignore_ascii_case(b"chunked"));
        unknown.then_some(StatusCode::NOT_IMPLEMENTED)
    }

    #[cfg_attr(not(feature = "tls"), expect(unused_mut, reason = "TLS adds to the request"))]
    pub(super) fn begin(&self, parts: Parts, body: Body) -> WatchedFuture {
        let call = self.activity.begin();
        let mut cx = Cx::arrived(parts, self.router.peer());
        #[cfg(feature = "tls")]
        if let Some(certificate) = &self.certificate {
            cx.extensions_mut().insert(certificate.clone());
        }
        WatchedFuture::new(self.router.dispatch(cx, body), call)
    }
}

/// The bytes of a head, which hyper bounds only where it comes in several pieces.
fn head_bytes(parts: &Parts) -> usize {
    let path = parts.uri.path_and_query().map_or(0, |path| path.as_str().len());
    let lines = parts.headers.iter();
    lines.fold(path, |bytes, (name, value)| bytes + name.as_str().len() + value.len() + 4)
}
