use std::convert::Infallible;
use std::future::{Future, poll_fn};
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http::Response;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::activity::{Activity, InFlight};
use super::linger::Linger;
use super::router_future::RouterFuture;
use crate::Body;

/// A connection whose bytes are counted.
pub(crate) struct WatchedStream<S> {
    inner: S,
    /// What was read and is to be read again.
    start: Bytes,
    activity: Arc<Activity>,
    linger: Option<Linger>,
}

/// What an HTTP/2 client sends first: [RFC 9113, section 3.4].
///
/// [RFC 9113, section 3.4]: https://www.rfc-editor.org/rfc/rfc9113#section-3.4
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

impl<S> WatchedStream<S> {
    pub(crate) fn new(inner: S, activity: Arc<Activity>) -> Self {
        WatchedStream { inner, start: Bytes::new(), activity, linger: None }
    }

    /// Has `bytes` read again, before all others.
    pub(super) fn put_back(&mut self, bytes: Bytes) {
        self.start = bytes;
    }
}

impl<S: AsyncRead + Unpin> WatchedStream<S> {
    /// Whether the client speaks HTTP/2, once it has said enough; what it said is read again.
    pub(crate) async fn starts_http2(&mut self) -> io::Result<bool> {
        let mut start = [0; PREFACE.len()];
        let mut buffer = ReadBuf::new(&mut start);
        while buffer.remaining() > 0 && PREFACE.starts_with(buffer.filled()) {
            let before = buffer.filled().len();
            poll_fn(|cx| Pin::new(&mut *self).poll_read(cx, &mut buffer)).await?;
            if buffer.filled().len() == before {
                break;
            }
        }
        self.put_back(Bytes::copy_from_slice(buffer.filled()));
        Ok(self.start == PREFACE)
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for WatchedStream<S> {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if !this.start.is_empty() {
            let start = this.start.split_to(this.start.len().min(buf.remaining()));
            buf.put_slice(&start);
            return Poll::Ready(Ok(()));
        }
        let before = buf.filled().len();
        ready!(Pin::new(&mut this.inner).poll_read(cx, buf))?;
        this.activity.read(buf.filled().len() - before);
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> WatchedStream<S> {
    fn written(&self, result: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
        match &result {
            Poll::Ready(Ok(bytes)) => self.activity.wrote(*bytes),
            Poll::Ready(Err(_)) => {}
            Poll::Pending => self.activity.block(),
        }
        result
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for WatchedStream<S> {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let result = Pin::new(&mut this.inner).poll_write(cx, buf);
        this.written(result)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let result = Pin::new(&mut this.inner).poll_write_vectored(cx, bufs);
        this.written(result)
    }

    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }

    /// TLS keeps bytes back that only a flush can get rid of.
    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let result = Pin::new(&mut this.inner).poll_flush(cx);
        let flushed = result.map_ok(|()| 0);
        this.written(flushed).map_ok(drop)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if this.linger.is_none() {
            let result = Pin::new(&mut this.inner).poll_shutdown(cx);
            ready!(this.written(result.map_ok(|()| 0)))?;
            if !this.activity.may_cut_off() {
                return Poll::Ready(Ok(()));
            }
        }
        let linger = this.linger.get_or_insert_with(Linger::new);
        linger.poll_end(&mut this.inner, cx).map(Ok)
    }
}

/// The future of one call on a watched connection.
pub(crate) struct WatchedFuture {
    inner: RouterFuture,
    call: Option<InFlight>,
}

impl WatchedFuture {
    pub(crate) fn new(inner: RouterFuture, call: InFlight) -> Self {
        WatchedFuture { inner, call: Some(call) }
    }
}

impl Future for WatchedFuture {
    type Output = Result<Response<Body>, Infallible>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.get_mut();
        let mut polled = Pin::new(&mut this.inner).poll(cx);
        // Changed where it lies: an answer is moved often enough.
        if let Poll::Ready(Ok(response)) = &mut polled
            && let Some(call) = this.call.take()
        {
            response.body_mut().watch(call);
        }
        polled
    }
}
