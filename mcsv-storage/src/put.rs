use std::collections::BTreeMap;
use std::future::IntoFuture;
use std::pin::Pin;

use sha2::{Digest, Sha256};

use crate::content_type;
use crate::error::{Error, ErrorKind, Result};
use crate::object_key::ObjectKey;
use crate::object_meta::{Facts, ObjectMeta};
use crate::observe::{count_bytes, observe};
use crate::put_body::PutBody;
use crate::sniff::{NEEDED, sniff};
use crate::store::Store;
use crate::upload::{Publish, Upload};

/// A write that is about to happen; made by [`Store::put`], done by `.await`.
///
/// Length and SHA-256 are counted while the bytes pass, and what was demanded of them is checked
/// before the object can be seen. The answer tells what this put wrote, also where another writer has
/// replaced or deleted it since. An object service says no time when it takes an object:
/// [`stat`](Store::stat) tells it.
///
/// ```
/// use mcsv_storage::{ObjectKey, Store};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> mcsv_storage::Result<()> {
/// # let store = Store::from_url("memory:")?;
/// let key = ObjectKey::parse("notes/1.txt")?;
/// let written = store.put(&key, "hello").content_type("text/plain").max_len(100).await?;
/// assert_eq!((written.len, written.sha256.is_some()), (5, true));
///
/// let again = store.put(&key, "hello").create_only().await;
/// assert!(again.is_err_and(|e| e.is_already_exists()));
/// # Ok(())
/// # }
/// ```
///
/// # Errors
///
/// [`TooLarge`](ErrorKind::TooLarge), [`LengthMismatch`](ErrorKind::LengthMismatch),
/// [`ChecksumMismatch`](ErrorKind::ChecksumMismatch) and
/// [`AlreadyExists`](ErrorKind::AlreadyExists) where an option demands it,
/// [`Body`](ErrorKind::Body) where the source failed, [`InvalidOption`](ErrorKind::InvalidOption)
/// for a bad content type, or the store failed. In each case the object is as before.
///
/// # Cancel safety
///
/// Dropping it half-way leaves the object as before. An object service may keep parts of a large
/// upload, for [`Store::sweep_partial`] or a lifecycle rule of the bucket to abort.
#[derive(Debug)]
#[must_use = "a put does nothing until it is awaited"]
pub struct Put {
    store: Store,
    key: ObjectKey,
    body: PutBody,
    demands: Demands,
}

#[derive(Debug, Default)]
struct Demands {
    content_type: Option<String>,
    untyped: Untyped,
    max_len: Option<u64>,
    exact_len: Option<u64>,
    sha256: Option<[u8; 32]>,
    publish: Publish,
    metadata: BTreeMap<String, String>,
}

/// What becomes of content whose type nobody gave.
#[derive(Debug, Default, PartialEq, Eq)]
enum Untyped {
    #[default]
    StaysSo,
    IsSniffed,
}

impl Put {
    /// The most bytes of all metadata, names and values; what an S3 service takes, less our own.
    pub const MAX_METADATA: usize = 1_536;

    pub(crate) fn new(store: Store, key: ObjectKey, body: PutBody) -> Self {
        Put { store, key, body, demands: Demands::default() }
    }

    /// Records the media type, such as `image/png`.
    pub fn content_type(mut self, media_type: impl Into<String>) -> Self {
        self.demands.content_type = Some(media_type.into());
        self
    }

    /// Records the media type that the first bytes tell, unless one is given.
    ///
    /// Images, PDF, archives, audio and video are known by their marks; text never is, so that
    /// nothing becomes HTML by what a stranger wrote into it. What is not known stays without a type.
    ///
    /// ```
    /// use mcsv_storage::{ObjectKey, Store};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> mcsv_storage::Result<()> {
    /// # let store = Store::from_url("memory:")?;
    /// let key = ObjectKey::parse("report")?;
    /// let written = store.put(&key, "%PDF-1.7 ..").sniff_content_type().await?;
    /// assert_eq!(written.content_type.as_deref(), Some("application/pdf"));
    /// # Ok(())
    /// # }
    /// ```
    pub fn sniff_content_type(mut self) -> Self {
        self.demands.untyped = Untyped::IsSniffed;
        self
    }

    /// Records a fact of the caller's own, for [`ObjectMeta::metadata`] to tell.
    ///
    /// A name is 1 to 64 of `[a-z0-9-]`, a value printable ASCII without `=?` in it, which begins an
    /// encoded word, and without spaces at its ends; all of them together have at most
    /// [`MAX_METADATA`](Self::MAX_METADATA) bytes. Anything else is an error when the put is awaited.
    /// On a folder the values are extended attributes, and are lost
    /// where its file system has none. There each name and value takes up to 32 bytes more, of 4,000 in
    /// all: 1,536 bytes in 60 of them fit, a hundred short ones do, and many more are an error, too.
    ///
    /// ```
    /// use mcsv_storage::{ObjectKey, Store};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> mcsv_storage::Result<()> {
    /// # let store = Store::from_url("memory:")?;
    /// let key = ObjectKey::parse("scan.pdf")?;
    /// store.put(&key, "hello").metadata("job", "17").await?;
    /// assert_eq!(store.stat(&key).await?.metadata["job"], "17");
    /// # Ok(())
    /// # }
    /// ```
    pub fn metadata(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.demands.metadata.insert(name.into(), value.into());
        self
    }

    /// Fails as soon as more than `bytes` have come. Without it there is no limit.
    pub fn max_len(mut self, bytes: u64) -> Self {
        self.demands.max_len = Some(bytes);
        self
    }

    /// Fails unless exactly `bytes` come.
    pub fn exact_len(mut self, bytes: u64) -> Self {
        self.demands.exact_len = Some(bytes);
        self
    }

    /// Fails unless the content has this SHA-256.
    pub fn sha256(mut self, sha256: [u8; 32]) -> Self {
        self.demands.sha256 = Some(sha256);
        self
    }

    /// Fails if the object exists; of several at once, one succeeds.
    pub fn create_only(mut self) -> Self {
        self.demands.publish = Publish::CreateOnly;
        self
    }

    async fn run(self) -> Result<ObjectMeta> {
        let backend = self.store.backend_label();
        let key = self.key.clone();
        let work = transfer(&self.store, self.key, self.body, self.demands);
        let meta = observe("storage.put", backend, key.as_str(), work).await?;
        count_bytes("in", backend, meta.len);
        Ok(meta)
    }
}

impl Demands {
    /// What is known before the content has come.
    fn facts(&self) -> Facts {
        let (content_type, metadata) = (self.content_type.clone(), self.metadata.clone());
        Facts { content_type, sha256: None, metadata }
    }
}

async fn transfer(
    store: &Store,
    key: ObjectKey,
    mut body: PutBody,
    mut demands: Demands,
) -> Result<ObjectMeta> {
    if let Some(media_type) = &demands.content_type {
        content_type::check(media_type)?;
    }
    check_metadata(&key, &demands.metadata)?;
    let most = demands.exact_len.into_iter().chain(demands.max_len).min();
    check_most(&key, body.whole_len().unwrap_or(0), &demands, most)?;
    if demands.content_type.is_none() && demands.untyped == Untyped::IsSniffed {
        let first = body.peek(NEEDED).await.map_err(|e| body_error(&key, e))?;
        demands.content_type = sniff(&first).map(str::to_owned);
    }

    let mut upload = Upload::begin(store, &key, demands.publish, &demands.facts()).await?;
    let outcome = fill(&key, &mut body, &demands, most, &mut upload).await;
    match outcome {
        Ok((facts, len)) => upload.finish(facts, len).await,
        Err(error) => {
            upload.abort().await;
            Err(error)
        }
    }
}

async fn fill(
    key: &ObjectKey,
    body: &mut PutBody,
    demands: &Demands,
    most: Option<u64>,
    upload: &mut Upload,
) -> Result<(Facts, u64)> {
    let mut hasher = Sha256::new();
    let mut len: u64 = 0;
    while let Some(piece) = body.next().await {
        let piece = piece.map_err(|e| body_error(key, e))?;
        len += piece.len() as u64;
        check_most(key, len, demands, most)?;
        hasher.update(&piece);
        upload.write(piece).await?;
    }
    if let Some(exact) = demands.exact_len.filter(|exact| *exact != len) {
        let message = format!("object {key}: {len} bytes came, {exact} were announced");
        return Err(Error::new(ErrorKind::LengthMismatch, message));
    }
    let sha256: [u8; 32] = hasher.finalize().into();
    if demands.sha256.is_some_and(|demanded| demanded != sha256) {
        let message = format!("object {key}: the content has another SHA-256 than was demanded");
        return Err(Error::new(ErrorKind::ChecksumMismatch, message));
    }
    Ok((Facts { sha256: Some(sha256), ..demands.facts() }, len))
}

fn check_metadata(key: &ObjectKey, metadata: &BTreeMap<String, String>) -> Result<()> {
    let is_name_byte = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
    let is_name = |name: &str| (1..=64).contains(&name.len()) && name.bytes().all(is_name_byte);
    let is_value = |value: &str| {
        let is_plain = value.bytes().all(|byte| (0x20..=0x7e).contains(&byte));
        // Services take what RFC 2047 encodes for what it stands for.
        is_plain && value.trim() == value && !value.contains("=?")
    };
    let fault = |rule: &str| {
        Err(Error::new(ErrorKind::InvalidOption, format!("object {key}: metadata: {rule}")))
    };
    if !metadata.keys().all(|name| is_name(name)) {
        return fault("give names of 1 to 64 of a-z, 0-9, '-'");
    }
    if !metadata.values().all(|value| !value.is_empty() && is_value(value)) {
        return fault("give values of printable ASCII without =? and without spaces at their ends");
    }
    let len: usize = metadata.iter().map(|(name, value)| name.len() + value.len()).sum();
    if len > Put::MAX_METADATA {
        return fault("give at most 1,536 bytes in all");
    }
    Ok(())
}

fn check_most(key: &ObjectKey, len: u64, demands: &Demands, most: Option<u64>) -> Result<()> {
    let Some(most) = most.filter(|most| len > *most) else { return Ok(()) };
    let exceeded = demands.max_len.is_some_and(|max| max == most);
    let kind = if exceeded { ErrorKind::TooLarge } else { ErrorKind::LengthMismatch };
    Err(Error::new(kind, format!("object {key}: more than the {most} bytes that are allowed")))
}

/// An error of our own keeps its kind: it says more than that the source failed.
fn body_error(key: &ObjectKey, cause: crate::error::BoxError) -> Error {
    match cause.downcast::<Error>() {
        Ok(ours) => *ours,
        Err(cause) => {
            let message = format!("object {key}: the source of its content failed");
            Error::new(ErrorKind::Body, message).with_source(cause)
        }
    }
}

impl IntoFuture for Put {
    type Output = Result<ObjectMeta>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.run())
    }
}
