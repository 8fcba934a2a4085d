use std::collections::BTreeMap;
use std::fmt;
use std::future::IntoFuture;
use std::path::PathBuf;
use std::pin::Pin;
use std::str::FromStr;
use std::time::{Duration, SystemTime};

use futures_util::TryStreamExt;
use opendal::Metadata;

use crate::error::{Error, ErrorKind, Result, from_io};
use crate::object_key::{ObjectKey, is_key_byte};
use crate::object_meta::ObjectMeta;
use crate::observe::observe;
use crate::store::{Backend, Store};

/// A listing that is about to happen; made by [`Store::list`], done by `.await`.
///
/// ```
/// use mcsv_storage::{ObjectKey, Store};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> mcsv_storage::Result<()> {
/// # let store = Store::from_url("memory:")?;
/// store.put(&ObjectKey::parse("logs/1")?, "one").await?;
/// store.put(&ObjectKey::parse("logs/2")?, "two").await?;
///
/// let first = store.list().prefix("logs/").limit(1).await?;
/// assert_eq!(first.objects[0].key.as_str(), "logs/1");
/// let Some(token) = first.next else { panic!("there is a second page") };
/// let second = store.list().prefix("logs/").page_token(token).await?;
/// assert_eq!((second.objects.len(), second.next), (1, None));
/// # Ok(())
/// # }
/// ```
///
/// # Errors
///
/// [`InvalidOption`](ErrorKind::InvalidOption) for a limit or a prefix that can't be, or
/// the store failed.
#[derive(Debug)]
#[must_use = "a list does nothing until it is awaited"]
pub struct List {
    store: Store,
    prefix: String,
    after: Option<PageToken>,
    limit: usize,
    older_than: Option<Duration>,
}

/// One page of a listing.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Page {
    /// Objects in the order of their keys. A bucket's listing knows no media type and no SHA-256.
    pub objects: Vec<ObjectMeta>,
    /// Where the next page starts; `None` on the last page. A page may be short, or empty, and
    /// have a next one.
    pub next: Option<PageToken>,
}

/// Where a [`Page`] starts. It is text that may travel and come back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PageToken(ObjectKey);

impl List {
    /// The most objects on a page.
    pub const MAX_LIMIT: usize = 1000;

    pub(crate) fn new(store: Store) -> Self {
        List { store, prefix: String::new(), after: None, limit: Self::MAX_LIMIT, older_than: None }
    }

    /// Lists only keys that start with `prefix`; it need not end at a `/`.
    pub fn prefix(mut self, prefix: impl Into<String>) -> Self {
        self.prefix = prefix.into();
        self
    }

    /// Goes on where another page ended.
    pub fn page_token(mut self, token: PageToken) -> Self {
        self.after = Some(token);
        self
    }

    /// Looks at no more than `count` objects, 1 to [`MAX_LIMIT`](Self::MAX_LIMIT), the default.
    pub fn limit(mut self, count: usize) -> Self {
        self.limit = count;
        self
    }

    /// Leaves out what was written less than `age` ago, and what has no time.
    ///
    /// The limit counts what was looked at, so such a page may be short.
    pub fn older_than(mut self, age: Duration) -> Self {
        self.older_than = Some(age);
        self
    }

    async fn run(self) -> Result<Page> {
        let backend = self.store.backend_label();
        let prefix = self.prefix.clone();
        observe("storage.list", backend, &prefix, self.page()).await
    }

    async fn page(self) -> Result<Page> {
        if !(1..=Self::MAX_LIMIT).contains(&self.limit) {
            let message = format!("list limit of {}: give 1 to 1000", self.limit);
            return Err(Error::new(ErrorKind::InvalidOption, message));
        }
        if !begins_a_key(&self.prefix) {
            let message = "list prefix: give the start of a key, such as logs/";
            return Err(Error::new(ErrorKind::InvalidOption, message));
        }
        let (mut found, more) = self.scan().await?;
        if more {
            found.pop_last();
        }
        let next = if more { found.keys().next_back().cloned().map(PageToken) } else { None };
        let before = self.older_than.map(|age| SystemTime::now().checked_sub(age));
        let mut objects = Vec::with_capacity(found.len());
        for (key, entry) in found {
            let Some(meta) = self.describe(key, entry.as_ref()).await? else { continue };
            let old = before.is_none_or(|before| {
                before.zip(meta.last_modified).is_some_and(|(before, at)| at <= before)
            });
            if old {
                objects.push(meta);
            }
        }
        Ok(Page { objects, next })
    }

    /// The smallest keys that belong on the page, one more than the limit if there are more.
    async fn scan(&self) -> Result<(BTreeMap<ObjectKey, Option<Metadata>>, bool)> {
        if let Backend::Folder(root) = self.store.backend() {
            return self.scan_folder(root.clone()).await;
        }
        let failed = |e| self.store.failed(e, "list of objects");
        let can = self.store.operator().info().capability();
        let after = self.after.as_ref().map(|token| token.0.as_str());
        // Where a service starts behind a key it also sorts; elsewhere all keys pass by, and only
        // the smallest are kept.
        let sorted = can.list_with_start_after;
        let folder = self.prefix.rfind('/').map_or("", |slash| &self.prefix[..=slash]);
        let path = if sorted { &self.prefix } else { folder };
        let mut lister = self.store.operator().lister_with(path).recursive(true);
        if let (true, Some(after)) = (sorted, after) {
            lister = lister.start_after(after);
        }
        let mut lister = lister.await.map_err(failed)?;

        let mut smallest = BTreeMap::new();
        while let Some(entry) = lister.try_next().await.map_err(failed)? {
            let (path, metadata) = entry.into_parts();
            let wanted = path.starts_with(&self.prefix) && after.is_none_or(|a| path.as_str() > a);
            // What has no key is not ours: folders, and the store's own files.
            let Some(key) = wanted.then(|| ObjectKey::parse(&path).ok()).flatten() else {
                continue;
            };
            smallest.insert(key, Some(metadata));
            if smallest.len() > self.limit + 1 {
                smallest.pop_last();
            }
            if sorted && smallest.len() > self.limit {
                break;
            }
        }
        let more = smallest.len() > self.limit;
        Ok((smallest, more))
    }

    /// opendal stumbles over symbolic links to folders, and looks into every folder for each page.
    async fn scan_folder(
        &self,
        root: PathBuf,
    ) -> Result<(BTreeMap<ObjectKey, Option<Metadata>>, bool)> {
        let (prefix, limit) = (self.prefix.clone(), self.limit);
        let after = self.after.as_ref().map(|token| token.0.as_str().to_owned());
        let work = move || crate::folder::keys(&root, &prefix, after.as_deref(), limit + 1);
        let found = tokio::task::spawn_blocking(work).await.map_err(std::io::Error::other);
        let found = found.and_then(|keys| keys).map_err(|e| from_io(e, "list of objects"))?;
        let more = found.len() > limit;
        Ok((found.into_iter().map(|key| (key, None)).collect(), more))
    }

    async fn describe(
        &self,
        key: ObjectKey,
        listed: Option<&Metadata>,
    ) -> Result<Option<ObjectMeta>> {
        // A service says enough in its listing; a request for each object would cost too much.
        let is_service = matches!(self.store.backend(), Backend::Service);
        if let Some(listed) = listed.filter(|listed| is_service && listed.last_modified().is_some())
        {
            return Ok(Some(ObjectMeta::new(key, listed, self.store.backend())));
        }
        match self.store.look_up(&key).await {
            // It was deleted since.
            Err(error) if error.is_not_found() => Ok(None),
            looked_up => looked_up.map(Some),
        }
    }
}

/// Whether a key may start so.
fn begins_a_key(prefix: &str) -> bool {
    let plain = prefix.bytes().all(|byte| byte == b'/' || is_key_byte(byte));
    let hidden = prefix.split('/').any(|segment| segment.starts_with('.'));
    let empty = prefix.starts_with('/') || prefix.contains("//");
    plain && !hidden && !empty && prefix.len() <= ObjectKey::MAX_LEN
}

impl IntoFuture for List {
    type Output = Result<Page>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.run())
    }
}

impl FromStr for PageToken {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        ObjectKey::parse(text).map(PageToken).map_err(|e| {
            Error::new(ErrorKind::InvalidOption, "page token: give one of an earlier page")
                .with_source(e)
        })
    }
}

impl fmt::Display for PageToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
