use std::time::Duration;

use crate::content_type;
use crate::error::{Error, ErrorKind, Result};
use crate::object_key::ObjectKey;
use crate::sign::claims::Purpose;
use crate::sign::signed_request::SignedRequest;
use crate::sign::signer::{Audience, Expiry, Signer};

/// A URL to write one object, being made; from [`Signer::presign_put`], finished by
/// [`sign`](Self::sign).
///
/// Every constraint is signed and is checked before the object can be seen. The sender of a direct
/// URL must send all of [`headers`](SignedRequest::headers). Without a constraint on length the
/// relay's own limit holds, which for a bucket is its 5 GiB; see
/// [`with_max_upload`](crate::StorageService::with_max_upload).
///
/// ```
/// use mcsv_storage::{ObjectKey, SigningKeys, Store};
/// use std::time::Duration;
///
/// # let store = Store::from_url("memory:")?;
/// # let signer = store.signer(SigningKeys::random()?).with_public_base("https://host/files")?;
/// let upload = signer
///     .presign_put(&ObjectKey::timestamped("png")?)
///     .expires_in(Duration::from_secs(300))
///     .content_type("image/png")
///     .exact_len(1234)
///     .create_only()
///     .sign()?;
/// assert_eq!(upload.method(), "PUT");
/// assert_eq!(upload.headers()["content-type"], "image/png");
/// # Ok::<(), mcsv_storage::Error>(())
/// ```
#[derive(Clone, Debug)]
#[must_use = "a URL is made by sign"]
pub struct PresignPut {
    signer: Signer,
    key: ObjectKey,
    expiry: Expiry,
    audience: Audience,
    content_type: Option<String>,
    exact_len: Option<u64>,
    max_len: Option<u64>,
    sha256: Option<[u8; 32]>,
    replaces: Replaces,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Replaces {
    Allowed,
    Refused,
}

impl PresignPut {
    pub(crate) fn new(signer: Signer, key: ObjectKey) -> Self {
        PresignPut {
            signer,
            key,
            expiry: Expiry::default(),
            audience: Audience::default(),
            content_type: None,
            exact_len: None,
            max_len: None,
            sha256: None,
            replaces: Replaces::Allowed,
        }
    }

    /// How long the URL lives: 1 second to 7 days, 15 minutes by default. A part of a second counts as
    /// a second. An upload that began in time may end later.
    pub fn expires_in(mut self, life: Duration) -> Self {
        self.expiry.after = life;
        self
    }

    /// Demands this `content-type`.
    pub fn content_type(mut self, media_type: impl Into<String>) -> Self {
        self.content_type = Some(media_type.into());
        self
    }

    /// Demands exactly this many bytes, and a `content-length`.
    pub fn exact_len(mut self, bytes: u64) -> Self {
        self.exact_len = Some(bytes);
        self
    }

    /// Takes at most this many bytes. A direct URL can't demand it without an
    /// [`exact_len`](Self::exact_len).
    pub fn max_len(mut self, bytes: u64) -> Self {
        self.max_len = Some(bytes);
        self
    }

    /// Demands content of this SHA-256.
    pub fn sha256(mut self, sha256: [u8; 32]) -> Self {
        self.sha256 = Some(sha256);
        self
    }

    /// Demands that there is no such object yet, so that the URL works once.
    pub fn create_only(mut self) -> Self {
        self.replaces = Replaces::Refused;
        self
    }

    /// Makes the URL at the internal base, or for the bucket's own endpoint, for a neighbour.
    pub fn internal(mut self) -> Self {
        self.audience = Audience::Internal;
        self
    }

    /// Makes the URL.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::InvalidOption`] for an expiry or media type that can't be, an exact length above
    /// the greatest, and a direct URL that would outlive the credentials of a role;
    /// [`ErrorKind::Config`] without a base URL; [`ErrorKind::Unsupported`] where the store can't
    /// create only, and for a [`max_len`](Self::max_len) that a bucket can't enforce;
    /// [`ErrorKind::Unavailable`] while a role has given no credentials.
    pub fn sign(self) -> Result<SignedRequest> {
        if let Some(media_type) = &self.content_type {
            content_type::check(media_type)?;
        }
        if let (Some(exact), Some(max)) = (self.exact_len, self.max_len)
            && exact > max
        {
            let message = format!("exact length {exact}: it is above the greatest, {max}");
            return Err(Error::new(ErrorKind::InvalidOption, message));
        }
        let create_only = self.replaces == Replaces::Refused;
        if create_only && !self.signer.store.can_create_only() {
            let message = "create_only: this store can't create only";
            return Err(Error::new(ErrorKind::Unsupported, message));
        }
        let mut claims = self.signer.claims(Purpose::Put, self.expiry)?;
        claims.content_type = self.content_type;
        claims.exact_len = self.exact_len;
        claims.max_len = self.max_len;
        claims.sha256 = self.sha256;
        claims.create_only = create_only;
        self.signer.signed(&self.key, &claims, self.expiry, self.audience)
    }
}
