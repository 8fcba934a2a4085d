use std::convert::Infallible;
use std::future::Future;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http::Response;
use http_body::{Frame, SizeHint};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::activity::{Activity, InFlight};
use super::linger::Linger;
use super::router_future::RouterFuture;
use crate::{Body, BoxError};

/// A connection whose bytes are counted.
pub(crate) struct WatchedStream<S> {
    inner: S,
    activity: Arc<Activity>,
    linger: Option<Linger>,
}

impl<S> WatchedStream<S> {
    pub(crate) fn new(inner: S, activity: Arc<Activity>) -> Self {
        WatchedStream { inner, activity, linger: None }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for WatchedStream<S> {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let before = buf.filled().len();
        ready!(Pin::new(&mut this.inner).poll_read(cx, buf))?;
        this.activity.read(&buf.filled()[before..]);
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
    type Output = Result<Response<WatchedBody>, Infallible>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.get_mut();
        let response = ready!(Pin::new(&mut this.inner).poll(cx))?;
        let mut call = this.call.take();
        if let Some(call) = &mut call {
            call.offer();
        }
        Poll::Ready(Ok(response.map(|inner| WatchedBody { inner, rest: Bytes::new(), call })))
    }
}

/// The body of an answer, which tells how it is taken.
///
/// On HTTP/2 a large one is handed out in slices. h2 would take a piece of any size at once and keep
/// it for a client that opens its window only by a byte, and nobody could see that it waits.
pub(crate) struct WatchedBody {
    inner: Body,
    rest: Bytes,
    call: Option<InFlight>,
}

impl WatchedBody {
    const SLICE: usize = 128 * 1024;

    fn slice(&mut self, mut data: Bytes) -> Frame<Bytes> {
        if data.len() > Self::SLICE && self.call.as_ref().is_some_and(InFlight::is_http2) {
            self.rest = data.split_off(Self::SLICE);
        }
        Frame::data(data)
    }
}

impl http_body::Body for WatchedBody {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let this = self.get_mut();
        if let Some(call) = &mut this.call {
            call.take();
        }
        if !this.rest.is_empty() {
            let rest = std::mem::take(&mut this.rest);
            return Poll::Ready(Some(Ok(this.slice(rest))));
        }
        let polled = Pin::new(&mut this.inner).poll_frame(cx);
        if let Some(call) = &mut this.call {
            match polled {
                Poll::Pending => call.withdraw(),
                Poll::Ready(_) => call.offer(),
            }
        }
        polled.map_ok(|frame| match frame.into_data() {
            Ok(data) => this.slice(data),
            Err(other) => other,
        })
    }

    fn is_end_stream(&self) -> bool {
        self.rest.is_empty() && self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        let (inner, rest) = (self.inner.size_hint(), self.rest.len() as u64);
        if rest == 0 {
            return inner;
        }
        let mut hint = SizeHint::new();
        hint.set_lower(inner.lower().saturating_add(rest));
        if let Some(upper) = inner.upper().and_then(|upper| upper.checked_add(rest)) {
            hint.set_upper(upper);
        }
        hint
    }
}
