use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use bytes::Bytes;
use futures_core::Stream;
use opendal::{Operator, OperatorRegistry, services};

use crate::error::{BoxError, Error, ErrorKind, Result, from_io, from_opendal};
use crate::file_facts;
use crate::folder::{check_path, explained};
use crate::get::{Get, of_folder};
use crate::list::List;
use crate::local_upload::PARTIAL;
use crate::location::{Location, S3Location};
use crate::object_copy::ObjectCopy;
use crate::object_key::{ObjectKey, random_bytes};
use crate::object_meta::{ObjectMeta, hex};
use crate::observe::observe;
use crate::put::Put;
use crate::put_body::PutBody;
use crate::sign::{Bucket, Signer, SigningKeys};

/// A place for objects: memory, a folder, or a bucket.
///
/// A clone is the same store and costs one counter.
///
/// ```
/// use mcsv_storage::{ObjectKey, Store};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> mcsv_storage::Result<()> {
/// let store = Store::from_url("memory:")?;
/// let key = ObjectKey::timestamped("txt")?;
///
/// store.put(&key, "hello").content_type("text/plain").await?;
/// assert_eq!(store.get(&key).await?.bytes(1024).await?, "hello");
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Store {
    inner: Arc<Inner>,
}

struct Inner {
    operator: Operator,
    backend: Backend,
    /// What signs URLs for the store itself, where that is possible.
    bucket: Option<Arc<Bucket>>,
}

/// What the store's driver does not do alike everywhere.
pub(crate) enum Backend {
    Memory,
    Folder(PathBuf),
    Service,
}

impl Store {
    /// Opens the store that `url` names. Nothing is sent yet; a folder is made if it is missing.
    ///
    /// | URL | store |
    /// |---|---|
    /// | `memory:` | this process's memory; gone with it |
    /// | `fs:///var/x` | the folder `/var/x`, its path percent-encoded; symbolic links to folders in it are refused |
    /// | `s3://bucket/prefix?region=..` | a bucket of an S3 service (feature `s3`) |
    /// | `gcs://bucket?..`, `azblob://..`, .. | what opendal makes of it, if the program compiles that service in |
    ///
    /// Parameters of `s3:` are `endpoint` (else AWS), `public_endpoint` (where users reach it, for
    /// the URLs of a [`Signer`]; else `endpoint`), `region` (else `us-east-1`), `access_key_id` with
    /// `secret_access_key` and perhaps `session_token` (else the AWS environment, see below), and
    /// `addressing` (`path`, the default, or `virtual-host`). Each is given once, and it and the prefix are percent-encoded: `%`, `&` and `#`
    /// at least; a `+` stands for itself. The prefix is a path without empty parts.
    ///
    /// The AWS environment is `AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY` and `AWS_SESSION_TOKEN`; else
    /// a profile, an SSO session, a role of a web identity, a container or an instance, of which
    /// credentials are asked for when they are first needed. It may name the endpoint, too, by
    /// `AWS_ENDPOINT_URL`.
    ///
    /// opendal's own services are features of the crate `opendal`, which a program names beside this
    /// one; they must do what [`from_operator`](Self::from_operator) asks for. Their URLs are signed
    /// by the relay.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Config`] names what is wrong in the URL, and repeats no value from it.
    /// [`ErrorKind::Unsupported`] for `s3:` without the feature, and for a service that is not
    /// compiled in or can't do what a store must.
    pub fn from_url(url: &str) -> Result<Self> {
        match Location::parse(url)? {
            Location::Memory => {
                let operator = Operator::new(services::Memory::default())
                    .map_err(|e| from_opendal(e, "storage URL memory"))?;
                Ok(Store::new(operator, Backend::Memory))
            }
            Location::Folder(path) => Store::open_folder(path),
            Location::S3(location) => Store::open_s3(&location),
            Location::Other { scheme, url } => Store::open_other(&scheme, &url),
        }
    }

    /// Opens an opendal service that no URL here names.
    ///
    /// opendal shows in this one signature, because the choice among its services is the
    /// caller's. The service must be able to stat, read, write, delete and list. It must publish a
    /// write as a whole when it is closed; opendal's `fs` does not, so take
    /// [`from_url`](Self::from_url) for a folder.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Unsupported`] names what the service lacks.
    pub fn from_operator(operator: Operator) -> Result<Self> {
        let can = operator.info().capability();
        let needs = [
            ("stat", can.stat),
            ("read", can.read),
            ("write", can.write),
            ("delete", can.delete),
            ("list", can.list),
        ];
        match needs.iter().find(|(_, able)| !able) {
            Some((need, _)) => Err(Error::new(
                ErrorKind::Unsupported,
                format!("opendal service {}: it can't {need}", operator.info().scheme()),
            )),
            None => Ok(Store::new(operator, Backend::Service)),
        }
    }

    fn open_folder(path: PathBuf) -> Result<Self> {
        let shown = format!("folder {}", path.display());
        let open = || {
            std::fs::create_dir_all(path.join(PARTIAL))?;
            path.canonicalize()
        };
        let root = open().map_err(|e| from_io(e, &shown))?;
        let Some(text) = root.to_str() else {
            return Err(Error::new(ErrorKind::Config, format!("{shown}: the path is not UTF-8")));
        };
        let operator = Operator::new(services::Fs::default().root(text))
            .map_err(|e| from_opendal(e, &shown))?;
        Ok(Store::new(operator, Backend::Folder(root)))
    }

    fn open_other(scheme: &str, url: &str) -> Result<Self> {
        opendal::init_default_registry();
        if !OperatorRegistry::get().schemes().contains(scheme) {
            let message = format!(
                "storage URL with scheme {scheme:?}: give memory:, fs:///folder or s3://bucket, or \
                 build with opendal's service of that name"
            );
            return Err(Error::new(ErrorKind::Unsupported, message));
        }
        let opened = Operator::from_uri(url).map_err(|e| {
            // opendal's own words may repeat the URL, which may hold a secret.
            let message = format!("storage URL {scheme}: opendal finds it wrong: {}", e.kind());
            Error::new(ErrorKind::Config, message)
        });
        Store::from_operator(opened?)
    }

    #[cfg(feature = "s3")]
    fn open_s3(location: &S3Location) -> Result<Self> {
        let (operator, bucket) = crate::s3::open(location)?;
        Ok(Store { inner: Arc::new(Inner { operator, backend: Backend::Service, bucket }) })
    }

    #[cfg(not(feature = "s3"))]
    fn open_s3(_: &S3Location) -> Result<Self> {
        Err(Error::new(
            ErrorKind::Unsupported,
            "storage URL s3: build mcsv-storage with its feature s3",
        ))
    }

    fn new(operator: Operator, backend: Backend) -> Self {
        Store { inner: Arc::new(Inner { operator, backend, bucket: None }) }
    }

    /// Writes an object: await the [`Put`], after its options.
    ///
    /// The object is absent, or the earlier one, until all of `body` has come and was found right;
    /// then it is there as a whole, also after a crash.
    pub fn put(&self, key: &ObjectKey, body: impl Into<PutBody>) -> Put {
        Put::new(self.clone(), key.clone(), body.into())
    }

    /// Writes an object from a stream; short for [`put`](Self::put) of a [`PutBody::stream`].
    pub fn put_stream<S, B, E>(&self, key: &ObjectKey, stream: S) -> Put
    where
        S: Stream<Item = Result<B, E>> + Send + 'static,
        B: Into<Bytes>,
        E: Into<BoxError>,
    {
        self.put(key, PutBody::stream(stream))
    }

    /// Opens an object for reading: await the [`Get`], after its options.
    pub fn get(&self, key: &ObjectKey) -> Get {
        Get::new(self.clone(), key.clone())
    }

    /// What is known of an object.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::NotFound`], or the store failed.
    pub async fn stat(&self, key: &ObjectKey) -> Result<ObjectMeta> {
        observe("storage.stat", self.backend_label(), key.as_str(), self.look_up(key)).await
    }

    pub(crate) async fn look_up(&self, key: &ObjectKey) -> Result<ObjectMeta> {
        if let Backend::Folder(root) = &self.inner.backend {
            return of_folder(root, key, file_facts::stat).await;
        }
        let found = self.inner.operator.stat(key.as_str()).await;
        let found = found.map_err(|e| self.failed(e, &format!("object {key}")))?;
        if !found.is_file() {
            return Err(not_found(key));
        }
        Ok(ObjectMeta::new(key.clone(), &found, &self.inner.backend))
    }

    /// Lists objects in the order of their keys: await the [`List`], after its options.
    pub fn list(&self) -> List {
        List::new(self.clone())
    }

    /// Copies an object: await the [`ObjectCopy`], after its options.
    pub fn copy(&self, from: &ObjectKey, to: &ObjectKey) -> ObjectCopy {
        ObjectCopy::new(self.clone(), from.clone(), to.clone())
    }

    /// Deletes an object. One that is not there counts as deleted.
    ///
    /// # Errors
    ///
    /// The store failed; the object may be there or not.
    pub async fn delete(&self, key: &ObjectKey) -> Result<()> {
        let work = async {
            let what = || format!("object {key}");
            let Backend::Folder(root) = &self.inner.backend else {
                let deleted = self.inner.operator.delete(key.as_str()).await;
                return deleted.map_err(|e| self.failed(e, &what()));
            };
            // opendal would also remove an empty folder, under the feet of a put that made it.
            use std::io::ErrorKind::{IsADirectory, NotADirectory, NotFound};
            let (folder, path) = (root.clone(), key.clone());
            let deleting = tokio::task::spawn_blocking(move || {
                check_path(&folder, path.as_str())?;
                let deleted = std::fs::remove_file(folder.join(path.as_str()));
                deleted.map_err(|e| explained(e, &folder))
            });
            match deleting.await.map_err(std::io::Error::other).and_then(|deleted| deleted) {
                Err(e) if matches!(e.kind(), NotFound | IsADirectory | NotADirectory) => Ok(()),
                deleted => deleted.map_err(|e| from_io(e, &what())),
            }
        };
        observe("storage.delete", self.backend_label(), key.as_str(), work).await
    }

    /// Whether the store answers: the readiness check of a service that owns it.
    ///
    /// A folder must take a file; another store must list.
    ///
    /// # Errors
    ///
    /// The store failed. The caller bounds the time.
    pub async fn check(&self) -> Result<()> {
        let work = async {
            match &self.inner.backend {
                Backend::Folder(root) => {
                    let probe = root.join(PARTIAL).join(hex(&random_bytes::<16>()?));
                    let failed = |e| from_io(explained(e, root), "storage folder");
                    tokio::fs::write(&probe, b"").await.map_err(failed)?;
                    tokio::fs::remove_file(&probe).await.map_err(failed)
                }
                _ => self.inner.operator.check().await.map_err(|e| self.failed(e, "object store")),
            }
        };
        observe("storage.check", self.backend_label(), "", work).await
    }

    /// A signer of URLs for this store's objects; see [`Signer`].
    #[must_use]
    pub fn signer(&self, keys: SigningKeys) -> Signer {
        Signer::new(self.clone(), keys)
    }

    /// What the store's driver said about `what`; of a bucket that is not there, by its name.
    pub(crate) fn failed(&self, error: opendal::Error, what: &str) -> Error {
        let missing = error.kind() == opendal::ErrorKind::ConfigInvalid
            && error.message().contains("NoSuchBucket");
        if !missing {
            return from_opendal(error, what);
        }
        let name = self.inner.operator.info().name().to_owned();
        let message = format!("{what}: there is no bucket {name}: make it, or name another");
        Error::new(ErrorKind::Config, message).with_source(error)
    }

    pub(crate) fn operator(&self) -> &Operator {
        &self.inner.operator
    }

    pub(crate) fn bucket(&self) -> Option<&Bucket> {
        self.inner.bucket.as_deref()
    }

    pub(crate) fn backend(&self) -> &Backend {
        &self.inner.backend
    }

    pub(crate) fn keeps_metadata(&self) -> bool {
        match self.inner.backend {
            Backend::Memory => true,
            Backend::Folder(_) => cfg!(unix),
            Backend::Service => self.inner.operator.info().capability().write_with_user_metadata,
        }
    }

    pub(crate) fn can_create_only(&self) -> bool {
        let by_link = matches!(self.inner.backend, Backend::Folder(_));
        by_link || self.inner.operator.info().capability().write_with_if_not_exists
    }

    pub(crate) fn backend_label(&self) -> &'static str {
        match self.inner.backend {
            Backend::Memory => "memory",
            Backend::Folder(_) => "fs",
            Backend::Service => self.inner.operator.info().scheme(),
        }
    }
}

pub(crate) fn not_found(key: &ObjectKey) -> Error {
    Error::new(ErrorKind::NotFound, format!("object {key}: no such object"))
}

impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let info = self.inner.operator.info();
        f.debug_struct("Store")
            .field("backend", &self.backend_label())
            .field("name", &info.name())
            .field("root", &info.root())
            .finish()
    }
}
