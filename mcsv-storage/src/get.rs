use std::fmt;
use std::fs::File;
use std::future::IntoFuture;
use std::ops::{Bound, Range, RangeBounds};
use std::path::Path;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::{Bytes, BytesMut};
use futures_core::Stream;
use futures_util::StreamExt;
use tokio::io::{AsyncWrite, AsyncWriteExt};

use crate::error::{Error, ErrorKind, Result, from_io, from_opendal};
use crate::file_facts;
use crate::file_reader::FileReader;
use crate::object_key::ObjectKey;
use crate::object_meta::ObjectMeta;
use crate::observe::{count_bytes, observe};
use crate::store::{Backend, Store, not_found};

/// A read that is about to happen; made by [`Store::get`], done by `.await`.
///
/// # Errors
///
/// [`NotFound`](ErrorKind::NotFound), [`RangeNotSatisfiable`](ErrorKind::RangeNotSatisfiable),
/// [`NotModified`](ErrorKind::NotModified) or [`PreconditionFailed`](ErrorKind::PreconditionFailed)
/// where an option demands it, or the store failed.
#[derive(Debug)]
#[must_use = "a get does nothing until it is awaited"]
pub struct Get {
    store: Store,
    key: ObjectKey,
    range: (Bound<u64>, Bound<u64>),
    if_match: Option<String>,
    if_none_match: Option<String>,
}

impl Get {
    pub(crate) fn new(store: Store, key: ObjectKey) -> Self {
        let range = (Bound::Unbounded, Bound::Unbounded);
        Get { store, key, range, if_match: None, if_none_match: None }
    }

    /// Reads only these bytes. An end behind the object's is the object's.
    ///
    /// ```
    /// use mcsv_storage::{ObjectKey, Store};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> mcsv_storage::Result<()> {
    /// # let store = Store::from_url("memory:")?;
    /// let key = ObjectKey::parse("digits")?;
    /// store.put(&key, "0123456789").await?;
    /// assert_eq!(store.get(&key).range(3..5).await?.bytes(10).await?, "34");
    /// assert_eq!(store.get(&key).range(8..).await?.bytes(10).await?, "89");
    /// # Ok(())
    /// # }
    /// ```
    pub fn range(mut self, range: impl RangeBounds<u64>) -> Self {
        self.range = (range.start_bound().cloned(), range.end_bound().cloned());
        self
    }

    /// Fails with [`NotModified`](ErrorKind::NotModified) if the object still has this etag, weak or
    /// strong: the reader has its content. It is one etag, as [`ObjectMeta::etag`] tells it; lists and
    /// `*` are for the [service](crate::StorageService) to read.
    ///
    /// ```
    /// use mcsv_storage::{ObjectKey, Store};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> mcsv_storage::Result<()> {
    /// # let store = Store::from_url("memory:")?;
    /// let key = ObjectKey::parse("page")?;
    /// let etag = store.put(&key, "hello").await?.etag.unwrap_or_default();
    /// assert!(store.get(&key).if_none_match(&etag).await.is_err_and(|e| e.is_not_modified()));
    /// assert!(store.get(&key).if_match(&etag).await.is_ok());
    /// # Ok(())
    /// # }
    /// ```
    pub fn if_none_match(mut self, etag: impl Into<String>) -> Self {
        self.if_none_match = Some(etag.into());
        self
    }

    /// Fails with [`PreconditionFailed`](ErrorKind::PreconditionFailed) unless the object has this
    /// strong etag, so that parts that are read apart fit together.
    pub fn if_match(mut self, etag: impl Into<String>) -> Self {
        self.if_match = Some(etag.into());
        self
    }

    async fn open(self) -> Result<Object> {
        let Get { store, key, range, if_match, if_none_match } = self;
        let work = async {
            let (meta, source) = Source::open(&store, &key).await?;
            let now = meta.etag.as_deref();
            if if_match.is_some_and(|etag| etag.starts_with("W/") || now != Some(&etag)) {
                let message = format!("object {key}: it has another etag than was demanded");
                return Err(Error::new(ErrorKind::PreconditionFailed, message));
            }
            if if_none_match.is_some_and(|etag| now.is_some_and(|now| weakly(now) == weakly(&etag)))
            {
                let message = format!("object {key}: it still has the etag");
                return Err(Error::new(ErrorKind::NotModified, message));
            }
            let range = clamp(range, meta.len).ok_or_else(|| {
                let message = format!("object {key}: the range misses its {} bytes", meta.len);
                Error::new(ErrorKind::RangeNotSatisfiable, message)
            })?;
            Object::open(&store, meta, source, range).await
        };
        observe("storage.get", store.backend_label(), key.as_str(), work).await
    }
}

impl IntoFuture for Get {
    type Output = Result<Object>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.open())
    }
}

/// An etag without its mark of weakness, for the comparison of RFC 9110, section 8.8.3.2.
fn weakly(etag: &str) -> &str {
    etag.trim_start_matches("W/")
}

/// The asked-for bytes that exist; `None` where none does, though some were asked for.
fn clamp(range: (Bound<u64>, Bound<u64>), len: u64) -> Option<Range<u64>> {
    let start = match range.0 {
        Bound::Included(first) => first,
        Bound::Excluded(before) => before.checked_add(1)?,
        Bound::Unbounded => 0,
    };
    let end = match range.1 {
        Bound::Included(last) => last.saturating_add(1),
        Bound::Excluded(end) => end,
        Bound::Unbounded => u64::MAX,
    };
    let whole = range == (Bound::Unbounded, Bound::Unbounded);
    let end = end.min(len);
    (whole || start < end).then_some(start..end)
}

/// Where the bytes of an object that was found come from.
pub(crate) enum Source {
    /// The very file that was described.
    File(File),
    Service,
}

impl Source {
    /// Looks an object up in order to read it.
    pub(crate) async fn open(store: &Store, key: &ObjectKey) -> Result<(ObjectMeta, Source)> {
        match store.backend() {
            Backend::Folder(root) => {
                let opened = of_folder(root, key, file_facts::open).await;
                opened.map(|(meta, file)| (meta, Source::File(file)))
            }
            _ => Ok((store.look_up(key).await?, Source::Service)),
        }
    }
}

/// Opens an object of a folder, or says what is known of it.
pub(crate) async fn of_folder<T: Send + 'static>(
    root: &Path,
    key: &ObjectKey,
    open: fn(&Path, ObjectKey) -> std::io::Result<T>,
) -> Result<T> {
    let (root, wanted) = (root.to_owned(), key.clone());
    let opening = tokio::task::spawn_blocking(move || open(&root, wanted));
    let opened = opening.await.map_err(std::io::Error::other).and_then(|opened| opened);
    opened.map_err(|e| match e.kind() {
        // A folder of the key is a file, so that there can be nothing under it.
        std::io::ErrorKind::NotADirectory => not_found(key),
        _ => from_io(e, &format!("object {key}")),
    })
}

/// An object that is open for reading.
#[must_use = "an object is read by into_stream, bytes or copy_to"]
pub struct Object {
    meta: ObjectMeta,
    range: Range<u64>,
    stream: ObjectStream,
}

impl Object {
    pub(crate) async fn open(
        store: &Store,
        meta: ObjectMeta,
        source: Source,
        range: Range<u64>,
    ) -> Result<Self> {
        let what = || format!("object {}", meta.key);
        // An object that was replaced since must not be mixed with what is known of this one.
        let inner = match source {
            Source::File(file) => {
                FileReader::new(file, range.clone()).map_err(|e| from_io(e, &what()))?.boxed()
            }
            Source::Service => {
                let mut reader = store.operator().reader_with(meta.key.as_str());
                let can = store.operator().info().capability();
                if let (Some(etag), true) = (&meta.etag, can.read_with_if_match) {
                    reader = reader.if_match(etag);
                }
                let open = async { reader.await?.into_bytes_stream(range.clone()).await };
                open.await.map_err(|e| from_opendal(e, &what()))?.boxed()
            }
        };
        let backend = store.backend_label();
        let left = range.end - range.start;
        let stream = ObjectStream { inner, key: meta.key.clone(), left, taken: 0, backend };
        Ok(Object { meta, range, stream })
    }

    /// What is known of the whole object.
    #[must_use]
    pub fn meta(&self) -> &ObjectMeta {
        &self.meta
    }

    /// Which of the object's bytes are read.
    #[must_use]
    pub fn range(&self) -> Range<u64> {
        self.range.clone()
    }

    /// The bytes, piece by piece.
    #[must_use]
    pub fn into_stream(self) -> ObjectStream {
        self.stream
    }

    /// All the bytes, of which there may be at most `limit`.
    ///
    /// # Errors
    ///
    /// [`TooLarge`](ErrorKind::TooLarge) before anything is read, or the store failed.
    pub async fn bytes(mut self, limit: u64) -> Result<Bytes> {
        let len = self.range.end - self.range.start;
        let (true, Ok(capacity)) = (len <= limit, usize::try_from(len)) else {
            let message = format!("object {}: {len} bytes, {limit} allowed", self.meta.key);
            return Err(Error::new(ErrorKind::TooLarge, message));
        };
        let mut whole = BytesMut::new();
        while let Some(piece) = self.stream.next().await {
            let piece = piece?;
            if piece.len() == capacity {
                return Ok(piece);
            }
            whole.reserve(capacity - whole.len());
            whole.extend_from_slice(&piece);
        }
        Ok(whole.freeze())
    }

    /// Copies the bytes into `writer` and flushes it; answers how many.
    ///
    /// # Errors
    ///
    /// The store failed, or `writer` did ([`Body`](ErrorKind::Body)).
    pub async fn copy_to(mut self, writer: &mut (impl AsyncWrite + Unpin)) -> Result<u64> {
        let key = self.meta.key;
        let failed = |e| {
            Error::new(ErrorKind::Body, format!("object {key}: its reader failed")).with_source(e)
        };
        while let Some(piece) = self.stream.next().await {
            writer.write_all(&piece?).await.map_err(failed)?;
        }
        writer.flush().await.map_err(failed)?;
        Ok(self.range.end - self.range.start)
    }
}

impl fmt::Debug for Object {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Object").field("meta", &self.meta).field("range", &self.range).finish()
    }
}

/// The bytes of an [`Object`]: exactly as many as its range has, else an error.
pub struct ObjectStream {
    inner: Pin<Box<dyn Stream<Item = std::io::Result<Bytes>> + Send>>,
    key: ObjectKey,
    left: u64,
    taken: u64,
    backend: &'static str,
}

impl Stream for ObjectStream {
    type Item = Result<Bytes>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = &mut *self;
        if this.left == 0 {
            return Poll::Ready(None);
        }
        let fault = match std::task::ready!(this.inner.as_mut().poll_next(cx)) {
            Some(Ok(piece)) if piece.len() as u64 <= this.left => {
                this.left -= piece.len() as u64;
                this.taken += piece.len() as u64;
                return Poll::Ready(Some(Ok(piece)));
            }
            Some(Err(cause)) => {
                let message = format!("object {}: reading broke off", this.key);
                Error::new(ErrorKind::Unavailable, message).with_source(cause)
            }
            Some(Ok(_)) | None => {
                let message = format!("object {}: it changed while it was read", this.key);
                Error::new(ErrorKind::Unavailable, message)
            }
        };
        this.left = 0;
        Poll::Ready(Some(Err(fault)))
    }
}

impl Drop for ObjectStream {
    fn drop(&mut self) {
        count_bytes("out", self.backend, self.taken);
    }
}

impl fmt::Debug for ObjectStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ObjectStream").field("key", &self.key).field("left", &self.left).finish()
    }
}
