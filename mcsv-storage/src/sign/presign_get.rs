use std::time::Duration;

use crate::content_type;
use crate::error::{Error, ErrorKind, Result};
use crate::object_key::ObjectKey;
use crate::sign::claims::Purpose;
use crate::sign::signed_request::SignedRequest;
use crate::sign::signer::{Audience, Expiry, Signer};

/// A URL to read one object, being made; from [`Signer::presign_get`], finished by
/// [`sign`](Self::sign).
///
/// ```
/// use mcsv_storage::{ObjectKey, SigningKeys, Store};
/// use std::time::Duration;
///
/// # let store = Store::from_url("memory:")?;
/// # let signer = store.signer(SigningKeys::random()?).with_public_base("https://host/files")?;
/// let key = ObjectKey::parse("2026/7.pdf")?;
/// let link = signer
///     .presign_get(&key)
///     .expires_in(Duration::from_secs(3600))
///     .filename("invoice 7.pdf")
///     .content_type("application/pdf")
///     .cache_window(Duration::from_secs(600))
///     .sign()?;
/// assert_eq!(link.method(), "GET");
/// # Ok::<(), mcsv_storage::Error>(())
/// ```
#[derive(Clone, Debug)]
#[must_use = "a URL is made by sign"]
pub struct PresignGet {
    signer: Signer,
    key: ObjectKey,
    expiry: Expiry,
    audience: Audience,
    filename: Option<String>,
    content_type: Option<String>,
    shown: Shown,
}

/// What a browser does with the answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Shown {
    Saved,
    Inline,
}

impl PresignGet {
    pub(crate) fn new(signer: Signer, key: ObjectKey) -> Self {
        PresignGet {
            signer,
            key,
            expiry: Expiry::default(),
            audience: Audience::default(),
            filename: None,
            content_type: None,
            shown: Shown::Saved,
        }
    }

    /// How long the URL lives: 1 second to 7 days, 15 minutes by default. A part of a second counts as
    /// a second.
    pub fn expires_in(mut self, life: Duration) -> Self {
        self.expiry.after = life;
        self
    }

    /// Rounds the expiry up to a multiple of `window`, so that all URLs of a window are the same
    /// text and a browser's cache knows them again. A part of a second counts as a second.
    pub fn cache_window(mut self, window: Duration) -> Self {
        self.expiry.window = window;
        self
    }

    /// The name under which a browser saves the object, instead of the key's last segment.
    pub fn filename(mut self, name: impl Into<String>) -> Self {
        self.filename = Some(name.into());
        self
    }

    /// The media type to answer with, instead of the stored one.
    pub fn content_type(mut self, media_type: impl Into<String>) -> Self {
        self.content_type = Some(media_type.into());
        self
    }

    /// Lets a browser show the object instead of saving it.
    ///
    /// The relay's answer stays sandboxed and without scripts, whatever the object is; some browsers
    /// show no PDF under that. A bucket sends no such policy: demand the type of what is uploaded, or
    /// serve a direct URL's objects from a host that has no cookies.
    pub fn inline(mut self) -> Self {
        self.shown = Shown::Inline;
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
    /// [`ErrorKind::InvalidOption`] for an expiry, file name or media type that can't be, and for a
    /// direct URL that would outlive the credentials of a role; [`ErrorKind::Config`] without a base
    /// URL; [`ErrorKind::Unavailable`] while a role has given no credentials.
    pub fn sign(self) -> Result<SignedRequest> {
        if let Some(media_type) = &self.content_type {
            content_type::check(media_type)?;
        }
        if let Some(name) = &self.filename {
            // Directional marks would show another extension than the name has.
            let separates = |c: char| {
                let turns = matches!(
                    c,
                    '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}'
                );
                turns || c.is_control() || matches!(c, '/' | '\\')
            };
            if name.is_empty() || name.len() > 200 || name.contains(separates) {
                let message = "file name: give 1 to 200 bytes without '/', '\\', control and direction characters";
                return Err(Error::new(ErrorKind::InvalidOption, message));
            }
        }
        let mut claims = self.signer.claims(Purpose::Get, self.expiry)?;
        claims.filename = self.filename;
        claims.content_type = self.content_type;
        claims.inline = self.shown == Shown::Inline;
        self.signer.signed(&self.key, &claims, self.expiry, self.audience)
    }
}
