use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::Version;
use http::header::EXPECT;
use http::request::Parts;
use http_body::{Body, Frame, SizeHint};
use http_body_util::BodyExt;

/// The most bytes that are still read of content that was refused.
const MOST: usize = 64 * 1024 * 1024;

/// How long they are.
const LONGEST: Duration = Duration::from_secs(10);

/// A request's content, of which the rest is read and thrown away when nobody wants it any more.
///
/// A server that hangs up on a sender in the middle of its content resets the connection, and the
/// answer that was on its way is often lost with it. The answer does not wait for the rest.
pub(crate) struct DrainedBody<B>
where
    B: Body<Data = Bytes> + Send + 'static,
{
    body: Option<Pin<Box<B>>>,
    drains: Drains,
}

#[derive(PartialEq, Eq)]
enum Drains {
    /// Other versions of HTTP reset this one stream.
    Never,
    /// The sender waits for a word before it sends, and to read would say it.
    OnceRead,
    Always,
}

impl<B> DrainedBody<B>
where
    B: Body<Data = Bytes> + Send + 'static,
{
    pub(crate) fn new(head: &Parts, body: B) -> Self {
        let drains = match head.version {
            Version::HTTP_10 | Version::HTTP_11 if head.headers.contains_key(EXPECT) => {
                Drains::OnceRead
            }
            Version::HTTP_10 | Version::HTTP_11 => Drains::Always,
            _ => Drains::Never,
        };
        DrainedBody { body: Some(Box::pin(body)), drains }
    }
}

impl<B> Body for DrainedBody<B>
where
    B: Body<Data = Bytes> + Send + 'static,
{
    type Data = Bytes;
    type Error = B::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, B::Error>>> {
        if self.drains == Drains::OnceRead {
            self.drains = Drains::Always;
        }
        let Some(body) = &mut self.body else { return Poll::Ready(None) };
        let frame = std::task::ready!(body.as_mut().poll_frame(cx));
        if !matches!(frame, Some(Ok(_))) {
            self.body = None;
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.as_ref().is_none_or(|body| body.is_end_stream())
    }

    fn size_hint(&self) -> SizeHint {
        self.body.as_ref().map_or(SizeHint::with_exact(0), |body| body.size_hint())
    }
}

impl<B> Drop for DrainedBody<B>
where
    B: Body<Data = Bytes> + Send + 'static,
{
    fn drop(&mut self) {
        let Some(body) = self.body.take() else { return };
        if self.drains != Drains::Always || body.is_end_stream() {
            return;
        }
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(async { tokio::time::timeout(LONGEST, drain(body)).await });
        }
    }
}

async fn drain<B: Body<Data = Bytes>>(mut body: Pin<Box<B>>) {
    let mut left = MOST;
    while let Some(Ok(frame)) = body.frame().await {
        let len = frame.data_ref().map_or(0, Bytes::len);
        let Some(less) = left.checked_sub(len) else { return };
        left = less;
    }
}
