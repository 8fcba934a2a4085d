use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use futures_core::Stream;
use http_body::{Frame, SizeHint};

use crate::error::Error;
use crate::get::ObjectStream;

/// The body of an answer of [`StorageService`](crate::StorageService): nothing, a short text, or an
/// object's bytes as they are read.
pub struct StorageBody(Inner);

enum Inner {
    Text(Option<Bytes>),
    Object(ObjectStream, u64),
}

impl StorageBody {
    pub(crate) fn empty() -> Self {
        StorageBody(Inner::Text(None))
    }

    pub(crate) fn text(text: String) -> Self {
        StorageBody(Inner::Text(Some(text.into())))
    }

    pub(crate) fn object(stream: ObjectStream, len: u64) -> Self {
        StorageBody(Inner::Object(stream, len))
    }
}

impl http_body::Body for StorageBody {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        match &mut self.0 {
            Inner::Text(text) => Poll::Ready(text.take().map(|text| Ok(Frame::data(text)))),
            Inner::Object(stream, left) => {
                let piece = std::task::ready!(Pin::new(stream).poll_next(cx));
                if let Some(Ok(piece)) = &piece {
                    *left = left.saturating_sub(piece.len() as u64);
                }
                Poll::Ready(piece.map(|piece| piece.map(Frame::data)))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        match &self.0 {
            Inner::Text(text) => text.is_none(),
            Inner::Object(_, left) => *left == 0,
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.0 {
            Inner::Text(text) => {
                SizeHint::with_exact(text.as_ref().map_or(0, |text| text.len() as u64))
            }
            Inner::Object(_, left) => SizeHint::with_exact(*left),
        }
    }
}

impl fmt::Debug for StorageBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Inner::Text(_) => f.write_str("StorageBody(text)"),
            Inner::Object(_, left) => write!(f, "StorageBody({left} bytes)"),
        }
    }
}
