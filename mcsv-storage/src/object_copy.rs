use std::future::IntoFuture;
use std::pin::Pin;

use crate::error::{Error, ErrorKind, Result};
use crate::object_key::ObjectKey;
use crate::object_meta::ObjectMeta;
use crate::observe::observe;
use crate::store::{Backend, Store};
use crate::upload::Publish;

/// A copy that is about to be made; from [`Store::copy`], done by `.await`.
///
/// The copy has the type, hash and metadata of its source, and a time of its own. An object service
/// copies by itself, unless the copy may only create; elsewhere the bytes pass through this process and are hashed again, and an
/// object whose content is no longer what its SHA-256 says is not copied.
///
/// ```
/// use mcsv_storage::{ObjectKey, Store};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> mcsv_storage::Result<()> {
/// # let store = Store::from_url("memory:")?;
/// let (draft, sent) = (ObjectKey::parse("draft")?, ObjectKey::parse("sent")?);
/// store.put(&draft, "hello").content_type("text/plain").await?;
/// let copy = store.copy(&draft, &sent).create_only().await?;
/// assert_eq!((copy.len, copy.content_type.as_deref()), (5, Some("text/plain")));
/// # Ok(())
/// # }
/// ```
///
/// # Errors
///
/// [`NotFound`](ErrorKind::NotFound), [`AlreadyExists`](ErrorKind::AlreadyExists) where an option
/// demands it, [`ChecksumMismatch`](ErrorKind::ChecksumMismatch),
/// [`InvalidOption`](ErrorKind::InvalidOption) for a copy onto itself, or the store failed. In each
/// case the target is as before.
#[derive(Debug)]
#[must_use = "a copy does nothing until it is awaited"]
pub struct ObjectCopy {
    store: Store,
    from: ObjectKey,
    to: ObjectKey,
    publish: Publish,
}

impl ObjectCopy {
    pub(crate) fn new(store: Store, from: ObjectKey, to: ObjectKey) -> Self {
        ObjectCopy { store, from, to, publish: Publish::Replace }
    }

    /// Fails if the target exists; of several at once, one succeeds.
    pub fn create_only(mut self) -> Self {
        self.publish = Publish::CreateOnly;
        self
    }

    async fn run(self) -> Result<ObjectMeta> {
        let (backend, to) = (self.store.backend_label(), self.to.clone());
        observe("storage.copy", backend, to.as_str(), self.copy()).await
    }

    async fn copy(self) -> Result<ObjectMeta> {
        if self.from == self.to {
            let message = format!("object {}: give another key to copy it to", self.from);
            return Err(Error::new(ErrorKind::InvalidOption, message));
        }
        let can = self.store.operator().info().capability();
        let is_service = matches!(self.store.backend(), Backend::Service);
        // Services that know the condition on a write are known to ignore it on a copy.
        if is_service && can.copy && self.publish == Publish::Replace {
            self.by_the_service().await
        } else {
            self.through_us().await
        }
    }

    async fn by_the_service(self) -> Result<ObjectMeta> {
        // A service may say no more of an absent source than that the copy failed.
        let source = self.store.look_up(&self.from).await?;
        let (from, to) = (self.from.as_str(), self.to.as_str());
        let copied = self.store.operator().copy(from, to).await;
        copied.map_err(|e| self.store.failed(e, &format!("object {to}")))?;
        match self.store.look_up(&self.to).await {
            // It was made, and somebody deleted it since.
            Err(e) if e.is_not_found() => {
                Ok(ObjectMeta { key: self.to, etag: None, last_modified: None, ..source })
            }
            found => found,
        }
    }

    async fn through_us(self) -> Result<ObjectMeta> {
        let source = self.store.get(&self.from).await?;
        let meta = source.meta().clone();
        let mut put = self.store.put_stream(&self.to, source.into_stream()).exact_len(meta.len);
        if let Some(media_type) = meta.content_type {
            put = put.content_type(media_type);
        }
        if let Some(sha256) = meta.sha256 {
            put = put.sha256(sha256);
        }
        for (name, value) in meta.metadata {
            put = put.metadata(name, value);
        }
        if self.publish == Publish::CreateOnly {
            put = put.create_only();
        }
        put.await
    }
}

impl IntoFuture for ObjectCopy {
    type Output = Result<ObjectMeta>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.run())
    }
}
