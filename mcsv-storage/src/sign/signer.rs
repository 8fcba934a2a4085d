use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::error::{Error, ErrorKind, Result};
use crate::object_key::ObjectKey;
use crate::serve::StorageService;
use crate::sign::base_url::BaseUrl;
use crate::sign::bucket::Bucket;
use crate::sign::claims::{Claims, Purpose};
use crate::sign::keys::SigningKeys;
use crate::sign::presign_get::PresignGet;
use crate::sign::presign_put::PresignPut;
use crate::sign::signed_request::SignedRequest;
use crate::sign::token;
use crate::store::Store;

/// Signs URLs under which somebody without credentials reads or writes one object.
///
/// There are two routes, and the choice is never made by the store alone:
///
/// - **Relayed**, once a base URL is set: the URL carries a token of one query parameter,
///   HMAC-SHA256 over the object's key, the method, the expiry and every constraint.
///   [`service`](Self::service) answers such URLs; it works the same on every store, because it
///   reads and writes through the store. The token binds no host: the same one passes at the public
///   and at the internal base.
/// - **Direct**, on an `s3:` store without a base URL, or by [`with_direct`](Self::with_direct): the
///   bucket itself answers, under AWS's signature version 4, and its bytes cost this process
///   nothing. Type, exact length, SHA-256 and create-only are signed headers. What a bucket can't
///   hold a request to is an error of [`sign`](PresignPut::sign).
///
/// ```
/// use mcsv_storage::{ObjectKey, SigningKeys, Store};
/// use std::time::Duration;
///
/// let store = Store::from_url("memory:")?;
/// let signer =
///     store.signer(SigningKeys::random()?).with_public_base("https://files.example/objects")?;
/// let key = ObjectKey::parse("report.pdf")?;
///
/// let link = signer.presign_get(&key).expires_in(Duration::from_secs(900)).sign()?;
/// assert!(link.url().starts_with("https://files.example/objects/report.pdf?sig="));
/// # Ok::<(), mcsv_storage::Error>(())
/// ```
#[derive(Clone)]
pub struct Signer {
    pub(crate) store: Store,
    pub(crate) keys: SigningKeys,
    pub(crate) clock: Clock,
    public: Option<BaseUrl>,
    internal: Option<BaseUrl>,
    route: Route,
}

pub(crate) type Clock = Arc<dyn Fn() -> SystemTime + Send + Sync>;

/// Who answers a URL.
#[derive(Clone, Copy, Debug, Default)]
enum Route {
    /// The service if it has a base URL, else the bucket if there is one.
    #[default]
    Unsaid,
    Relay,
    Direct,
}

/// Which base a URL is made for.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) enum Audience {
    #[default]
    Public,
    Internal,
}

impl Signer {
    /// The longest life of a URL: 7 days, as with S3.
    pub const MAX_EXPIRY: Duration = Duration::from_secs(7 * 24 * 60 * 60);

    /// The life of a URL for which nothing was said: 15 minutes.
    pub const DEFAULT_EXPIRY: Duration = Duration::from_secs(15 * 60);

    pub(crate) fn new(store: Store, keys: SigningKeys) -> Self {
        // Expiry is a matter of the calendar, not of a timer.
        let clock: Clock = Arc::new(SystemTime::now);
        Signer { store, keys, clock, public: None, internal: None, route: Route::Unsaid }
    }

    /// Where users reach the [service](Self::service), such as `https://host/files`.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Config`] for anything but a plain http or https URL.
    pub fn with_public_base(mut self, url: &str) -> Result<Self> {
        self.public = Some(BaseUrl::parse(url)?);
        Ok(self)
    }

    /// Where neighbours reach the [service](Self::service), past the public entrance. Without it
    /// an internal URL is a public one.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Config`] for anything but a plain http or https URL.
    pub fn with_internal_base(mut self, url: &str) -> Result<Self> {
        self.internal = Some(BaseUrl::parse(url)?);
        Ok(self)
    }

    /// Lets the bucket of an `s3:` store answer, whether or not there is a base URL.
    ///
    /// URLs are made for the store's `public_endpoint`, and [`internal`](PresignGet::internal) ones
    /// for its `endpoint`. A signer's clone may take the other route: the service goes on answering
    /// relayed URLs.
    ///
    /// Under a role, whose credentials are asked for, a URL needs credentials that live as long as it
    /// does, or is an error. The first come with the first call of the store, such as
    /// [`Store::check`]; new ones are asked for 20 minutes before the last end. They change the text of
    /// a URL also within a [`cache_window`](PresignGet::cache_window). Of a session token that was
    /// given with its key nobody says the end: its URLs end with it.
    ///
    /// ```
    /// # #[cfg(feature = "s3")] {
    /// use mcsv_storage::{ObjectKey, SigningKeys, Store};
    ///
    /// let store = Store::from_url(
    ///     "s3://photos?endpoint=http://minio:9000&public_endpoint=https://s3.example\
    ///      &access_key_id=id&secret_access_key=secret",
    /// )?;
    /// let signer = store.signer(SigningKeys::random()?).with_direct()?;
    /// let upload = signer.presign_put(&ObjectKey::timestamped("png")?).exact_len(1234).sign()?;
    /// assert!(upload.url().starts_with("https://s3.example/photos/"));
    /// # }
    /// # Ok::<(), mcsv_storage::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Unsupported`] for a store that is no bucket, and for a directory bucket of S3.
    pub fn with_direct(mut self) -> Result<Self> {
        if self.store.bucket().is_none() {
            let message = "direct URLs: give an s3: store that is no directory bucket, or relay";
            return Err(Error::new(ErrorKind::Unsupported, message));
        }
        self.route = Route::Direct;
        Ok(self)
    }

    /// Lets the [service](Self::service) answer, also on an `s3:` store without a base URL, where
    /// signing then fails until one is set.
    #[must_use]
    pub fn with_relay(mut self) -> Self {
        self.route = Route::Relay;
        self
    }

    /// Takes the time from `now`, here and in the [service](Self::service): for tests of expiry.
    #[must_use]
    pub fn with_clock(mut self, now: impl Fn() -> SystemTime + Send + Sync + 'static) -> Self {
        self.clock = Arc::new(now);
        self
    }

    /// A URL that reads the object, by GET or HEAD. Nothing asks whether there is one.
    pub fn presign_get(&self, key: &ObjectKey) -> PresignGet {
        PresignGet::new(self.clone(), key.clone())
    }

    /// A URL that writes the object, by PUT.
    pub fn presign_put(&self, key: &ObjectKey) -> PresignPut {
        PresignPut::new(self.clone(), key.clone())
    }

    /// The service that answers this signer's URLs; see [`StorageService`].
    #[must_use]
    pub fn service(&self) -> StorageService {
        StorageService::new(self.clone())
    }

    /// The bucket that is to answer, if one is.
    fn direct_bucket(&self) -> Option<&Bucket> {
        match self.route {
            Route::Relay => None,
            Route::Unsaid if self.public.is_some() || self.internal.is_some() => None,
            Route::Unsaid | Route::Direct => self.store.bucket(),
        }
    }

    /// Where the service is reached.
    pub(crate) fn bases(&self) -> impl Iterator<Item = &BaseUrl> {
        self.public.iter().chain(&self.internal)
    }

    pub(crate) fn claims(&self, purpose: Purpose, expiry: Expiry) -> Result<Claims> {
        Ok(Claims::new(purpose, expiry.instant((self.clock)())?))
    }

    pub(crate) fn signed(
        &self,
        key: &ObjectKey,
        claims: &Claims,
        expiry: Expiry,
        audience: Audience,
    ) -> Result<SignedRequest> {
        if let Some(bucket) = self.direct_bucket() {
            let at = match audience {
                Audience::Public => &bucket.public,
                Audience::Internal => &bucket.internal,
            };
            return bucket.presign(at, key, claims, expiry.begin(claims.expires_at));
        }
        let base = match audience {
            Audience::Public => self.public.as_ref(),
            Audience::Internal => self.internal.as_ref().or(self.public.as_ref()),
        };
        let Some(base) = base else {
            let message = "signer: it has no base URL: call with_public_base";
            return Err(Error::new(ErrorKind::Config, message));
        };
        let token = token::sign(&self.keys, key, claims);
        let url = format!("{}/{key}?{PARAMETER}={token}", base.as_str());
        SignedRequest::new(url, claims)
    }
}

/// The query parameter that holds the token.
pub(crate) const PARAMETER: &str = "sig";

impl fmt::Debug for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Signer")
            .field("store", &self.store)
            .field("keys", &self.keys)
            .field("public", &self.public)
            .field("internal", &self.internal)
            .field("route", &self.route)
            .finish_non_exhaustive()
    }
}

/// When a URL ends: after a while, perhaps rounded up so that URLs of one window are equal.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Expiry {
    pub(crate) after: Duration,
    pub(crate) window: Duration,
}

impl Default for Expiry {
    fn default() -> Self {
        Expiry { after: Signer::DEFAULT_EXPIRY, window: Duration::ZERO }
    }
}

impl Expiry {
    fn instant(self, now: SystemTime) -> Result<u64> {
        let (after, window) = (whole_seconds(self.after), whole_seconds(self.window));
        let life = Duration::from_secs(after.saturating_add(window));
        if self.after.as_secs() == 0 || life > Signer::MAX_EXPIRY {
            let message = format!("expiry of {life:?}: give 1 second to 7 days, window included");
            return Err(Error::new(ErrorKind::InvalidOption, message));
        }
        let now = now.duration_since(UNIX_EPOCH).map_err(|e| {
            Error::new(ErrorKind::Internal, "the clock is before 1970").with_source(e)
        })?;
        let end = now.as_secs() + after;
        Ok(match window {
            0 => end,
            window => end.div_ceil(window) * window,
        })
    }

    /// When the life of a URL began that ends at `end`: no later than now, and for all URLs of one
    /// window at once.
    fn begin(self, end: u64) -> u64 {
        end.saturating_sub(whole_seconds(self.after) + whole_seconds(self.window))
    }
}

/// A URL tells its end in seconds: a part of one counts as one.
fn whole_seconds(span: Duration) -> u64 {
    span.as_secs().saturating_add(u64::from(span.subsec_nanos() > 0))
}
