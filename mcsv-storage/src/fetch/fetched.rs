use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::{Bytes, BytesMut};
use futures_core::Stream;
use futures_util::StreamExt;
use http::header::CONTENT_TYPE;
use reqwest::Response;
use tokio::io::{AsyncWrite, AsyncWriteExt};

use crate::error::{Error, ErrorKind, Result};
use crate::fetch::origin::Origin;
use crate::fetch::policy::FetchPolicy;
use crate::fetch::transport_error::transport_error;

/// An answer whose body is on its way.
#[must_use = "an answer is read by into_stream or bytes"]
pub struct Fetched {
    content_type: Option<String>,
    len: Option<u64>,
    stream: FetchedStream,
}

impl Fetched {
    pub(crate) fn new(
        response: Response,
        origin: Origin,
        policy: &FetchPolicy,
        max_len: u64,
    ) -> Result<Self> {
        let media_type = response.headers().get(CONTENT_TYPE);
        let content_type = media_type.and_then(|value| value.to_str().ok()).map(str::to_owned);
        if !policy.takes(content_type.as_deref()) {
            let message = format!("fetch: {origin} sends another type than is allowed");
            return Err(Error::new(ErrorKind::Refused, message));
        }
        let len = response.content_length();
        if len.is_some_and(|len| len > max_len) {
            return Err(too_large(&origin, max_len));
        }
        let inner = response.bytes_stream().boxed();
        let stream = FetchedStream { inner, origin, max_len, taken: 0, state: State::Open };
        Ok(Fetched { content_type, len, stream })
    }

    /// What the server says that it is. Don't believe it.
    #[must_use]
    pub fn content_type(&self) -> Option<&str> {
        self.content_type.as_deref()
    }

    /// The announced length in bytes; within the limit.
    #[must_use]
    pub fn len(&self) -> Option<u64> {
        self.len
    }

    /// Whether the announced length is zero.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len == Some(0)
    }

    /// The body, piece by piece, which ends with an error at the limit.
    #[must_use]
    pub fn into_stream(self) -> FetchedStream {
        self.stream
    }

    /// Copies the body into `writer` and flushes it; answers how many bytes there were.
    ///
    /// ```no_run
    /// use mcsv_storage::{FetchPolicy, Fetcher};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> mcsv_storage::Result<()> {
    /// let fetcher = Fetcher::new(FetchPolicy::new().allow_public().allow_type("image/*")?)?;
    /// let mut image = Vec::new();
    /// fetcher.get("https://example.com/logo.png").await?.copy_to(&mut image).await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// As with [`bytes`](Self::bytes), or `writer` failed ([`Body`](ErrorKind::Body)). What came until
    /// then is written.
    pub async fn copy_to(mut self, writer: &mut (impl AsyncWrite + Unpin)) -> Result<u64> {
        let failed = |e| Error::new(ErrorKind::Body, "fetch: the writer failed").with_source(e);
        while let Some(piece) = self.stream.next().await {
            writer.write_all(&piece?).await.map_err(failed)?;
        }
        writer.flush().await.map_err(failed)?;
        Ok(self.stream.taken)
    }

    /// The whole body.
    ///
    /// # Errors
    ///
    /// [`TooLarge`](ErrorKind::TooLarge) at the limit, [`Timeout`](ErrorKind::Timeout), or
    /// [`Connect`](ErrorKind::Connect) if the body broke off.
    pub async fn bytes(mut self) -> Result<Bytes> {
        // No more than 1 MiB on the word of a stranger.
        let first = self.len.unwrap_or(0).min(1 << 20);
        let mut whole = BytesMut::with_capacity(usize::try_from(first).unwrap_or(0));
        while let Some(piece) = self.stream.next().await {
            whole.extend_from_slice(&piece?);
        }
        Ok(whole.freeze())
    }
}

fn too_large(origin: &Origin, max_len: u64) -> Error {
    let message = format!("fetch: {origin} sends more than the {max_len} bytes that are allowed");
    Error::new(ErrorKind::TooLarge, message)
}

impl fmt::Debug for Fetched {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Fetched")
            .field("content_type", &self.content_type)
            .field("len", &self.len)
            .finish_non_exhaustive()
    }
}

/// The body of a [`Fetched`]: never more bytes than the limit.
pub struct FetchedStream {
    inner: Pin<Box<dyn Stream<Item = reqwest::Result<Bytes>> + Send>>,
    origin: Origin,
    max_len: u64,
    taken: u64,
    state: State,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Open,
    Ended,
}

impl Stream for FetchedStream {
    type Item = Result<Bytes>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if self.state == State::Ended {
            return Poll::Ready(None);
        }
        let fault = match std::task::ready!(self.inner.as_mut().poll_next(cx)) {
            None => None,
            Some(Err(error)) => Some(transport_error(error, &self.origin)),
            Some(Ok(piece)) => {
                self.taken += piece.len() as u64;
                if self.taken <= self.max_len {
                    return Poll::Ready(Some(Ok(piece)));
                }
                Some(too_large(&self.origin, self.max_len))
            }
        };
        self.state = State::Ended;
        Poll::Ready(fault.map(Err))
    }
}

impl fmt::Debug for FetchedStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FetchedStream")
            .field("origin", &self.origin)
            .field("taken", &self.taken)
            .finish_non_exhaustive()
    }
}
