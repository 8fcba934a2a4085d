use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::error::{Error, ErrorKind, Result};
use crate::object_key::ObjectKey;
use crate::serve::StorageService;
use crate::sign::base_url::BaseUrl;
use crate::sign::claims::{Claims, Purpose};
use crate::sign::keys::SigningKeys;
use crate::sign::presign_get::PresignGet;
use crate::sign::presign_put::PresignPut;
use crate::sign::signed_request::SignedRequest;
use crate::sign::token;
use crate::store::Store;

/// Signs URLs under which somebody without credentials reads or writes one object.
///
/// A URL carries a token of one query parameter: HMAC-SHA256 over the object's key, the method, the
/// expiry and every constraint. [`service`](Self::service) answers such URLs; it works the same on
/// every store, because it reads and writes through the store, and so no constraint depends on
/// what a store can check.
///
/// The token binds no host: the same one passes at the public and at the internal base.
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
}

pub(crate) type Clock = Arc<dyn Fn() -> SystemTime + Send + Sync>;

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
        Signer { store, keys, clock, public: None, internal: None }
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

    /// The paths before the keys at which the service is reached.
    pub(crate) fn base_paths(&self) -> impl Iterator<Item = &str> {
        self.public.iter().chain(&self.internal).map(BaseUrl::path)
    }

    pub(crate) fn claims(&self, purpose: Purpose, expiry: Expiry) -> Result<Claims> {
        Ok(Claims::new(purpose, expiry.instant((self.clock)())?))
    }

    pub(crate) fn signed(
        &self,
        key: &ObjectKey,
        claims: &Claims,
        audience: Audience,
    ) -> Result<SignedRequest> {
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
        let life = self.after.saturating_add(self.window);
        if self.after.as_secs() == 0 || life > Signer::MAX_EXPIRY {
            let message = format!("expiry of {life:?}: give 1 second to 7 days, window included");
            return Err(Error::new(ErrorKind::InvalidOption, message));
        }
        let now = now.duration_since(UNIX_EPOCH).map_err(|e| {
            Error::new(ErrorKind::Internal, "the clock is before 1970").with_source(e)
        })?;
        let end = now.as_secs() + self.after.as_secs();
        Ok(match self.window.as_secs() {
            0 => end,
            window => end.div_ceil(window) * window,
        })
    }
}
