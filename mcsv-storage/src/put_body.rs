use std::collections::VecDeque;
use std::fmt;
use std::pin::Pin;

use bytes::Bytes;
use futures_core::Stream;
use futures_util::StreamExt;
use tokio::io::AsyncRead;
use tokio_util::io::ReaderStream;

use crate::error::{BoxError, Result};

/// The content of an object on its way into a store.
///
/// Bytes and text convert by `into`; a stream or a reader is pulled piece by piece, as fast as the
/// store takes it.
///
/// ```
/// use mcsv_storage::PutBody;
///
/// let body = PutBody::reader(tokio::io::repeat(0));
/// let body: PutBody = "some text".into();
/// ```
pub struct PutBody {
    /// What was looked at and not yet taken.
    peeked: VecDeque<Bytes>,
    inner: Inner,
}

enum Inner {
    Whole(Bytes),
    Stream(ByteStream),
}

pub(crate) type ByteStream = Pin<Box<dyn Stream<Item = Result<Bytes, BoxError>> + Send>>;

/// Pieces in which whole bytes are taken, so that hashing them doesn't hold up a worker.
const PIECE: usize = 256 * 1024;

impl PutBody {
    /// A body that is pulled from a stream of bytes.
    pub fn stream<S, B, E>(stream: S) -> Self
    where
        S: Stream<Item = Result<B, E>> + Send + 'static,
        B: Into<Bytes>,
        E: Into<BoxError>,
    {
        let pieces = stream.map(|piece| piece.map(Into::into).map_err(Into::into));
        // A look at the first bytes may find the end, and it is asked for again.
        PutBody::new(Inner::Stream(Box::pin(pieces.fuse())))
    }

    /// A body that is read from a reader, 64 KiB at a time.
    pub fn reader(reader: impl AsyncRead + Send + 'static) -> Self {
        PutBody::stream(ReaderStream::with_capacity(reader, 64 * 1024))
    }

    fn new(inner: Inner) -> Self {
        PutBody { peeked: VecDeque::new(), inner }
    }

    /// The first `len` bytes, or all if there are fewer. They are still to be taken.
    pub(crate) async fn peek(&mut self, len: usize) -> Result<Vec<u8>, BoxError> {
        let mut first = Vec::with_capacity(len);
        let mut pieces = VecDeque::new();
        while first.len() < len {
            let Some(piece) = self.next().await.transpose()? else { break };
            first.extend_from_slice(&piece[..piece.len().min(len - first.len())]);
            pieces.push_back(piece);
        }
        self.peeked = pieces;
        Ok(first)
    }

    pub(crate) fn whole_len(&self) -> Option<u64> {
        match &self.inner {
            Inner::Whole(bytes) => Some(bytes.len() as u64),
            Inner::Stream(_) => None,
        }
    }

    /// The body as a stream, for an HTTP client.
    #[cfg(feature = "fetch")]
    pub(crate) fn into_stream(self) -> ByteStream {
        Box::pin(futures_util::stream::unfold(self, |mut body| async move {
            let piece = body.next().await?;
            Some((piece, body))
        }))
    }

    pub(crate) async fn next(&mut self) -> Option<Result<Bytes, BoxError>> {
        if let Some(piece) = self.peeked.pop_front() {
            return Some(Ok(piece));
        }
        match &mut self.inner {
            Inner::Whole(bytes) if bytes.is_empty() => None,
            Inner::Whole(bytes) => {
                let piece = bytes.split_to(bytes.len().min(PIECE));
                tokio::task::coop::consume_budget().await;
                Some(Ok(piece))
            }
            Inner::Stream(stream) => stream.next().await,
        }
    }
}

impl From<Bytes> for PutBody {
    fn from(bytes: Bytes) -> Self {
        PutBody::new(Inner::Whole(bytes))
    }
}

impl From<Vec<u8>> for PutBody {
    fn from(bytes: Vec<u8>) -> Self {
        Bytes::from(bytes).into()
    }
}

impl From<String> for PutBody {
    fn from(text: String) -> Self {
        Bytes::from(text).into()
    }
}

impl From<&'static str> for PutBody {
    fn from(text: &'static str) -> Self {
        Bytes::from_static(text.as_bytes()).into()
    }
}

impl From<&'static [u8]> for PutBody {
    fn from(bytes: &'static [u8]) -> Self {
        Bytes::from_static(bytes).into()
    }
}

impl fmt::Debug for PutBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.whole_len() {
            Some(len) => write!(f, "PutBody({len} bytes)"),
            None => f.write_str("PutBody(stream)"),
        }
    }
}
