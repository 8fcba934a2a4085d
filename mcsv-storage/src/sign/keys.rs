use std::fmt;
use std::sync::Arc;

use base64::Engine as _;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use hmac::{Hmac, Mac};
use sha2::Sha256;

use crate::error::{Error, ErrorKind, Result};
use crate::object_key::random_bytes;

pub(crate) type HmacSha256 = Hmac<Sha256>;

/// The secrets under which URLs are signed: the first signs, all verify.
///
/// To change a key without breaking links that are under way: add the new one behind, give that to
/// every instance; put it first; drop the old one after the longest expiry.
///
/// ```
/// use mcsv_storage::SigningKeys;
///
/// let keys = SigningKeys::parse(
///     "2026b:x2ZDeR2IZl8EvZ9dFTA0c8Vwl7Jk0kYbY3x2x1m4x5s=,\
///      2026a:bm90LWEtcmVhbC1rZXktYnV0LTMyLWJ5dGVzLWxvbmc=",
/// )?;
/// assert_eq!(format!("{keys:?}"), "SigningKeys(2026b, 2026a)");
/// # Ok::<(), mcsv_storage::Error>(())
/// ```
#[derive(Clone)]
pub struct SigningKeys {
    keys: Arc<[(Box<str>, HmacSha256)]>,
}

/// Both alphabets are taken, padded or not: a key is pasted from many tools.
const CONFIG: GeneralPurposeConfig =
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);

impl SigningKeys {
    /// The least length of a key, in bytes: that of the hash, as [RFC 2104, section 3] advises.
    ///
    /// [RFC 2104, section 3]: https://www.rfc-editor.org/rfc/rfc2104#section-3
    pub const MIN_LEN: usize = 32;

    /// The most keys at once.
    pub const MAX_KEYS: usize = 16;

    /// Reads `id:base64,id:base64`, where an id is 1 to 32 of `[A-Za-z0-9_-]`.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Config`] says which of the keys is wrong by its place, and repeats nothing.
    pub fn parse(text: &str) -> Result<Self> {
        let mut keys: Vec<(Box<str>, HmacSha256)> = Vec::new();
        for (index, entry) in text.split(',').enumerate() {
            let fault = |rule: &str| {
                Error::new(ErrorKind::Config, format!("signing key {}: {rule}", index + 1))
            };
            let Some((id, secret)) = entry.trim().split_once(':') else {
                return Err(fault("give id:base64"));
            };
            let plain = id.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_".contains(&b));
            if !plain || !(1..=32).contains(&id.len()) {
                return Err(fault("give an id of 1 to 32 of A-Z, a-z, 0-9, '-', '_'"));
            }
            if keys.iter().any(|(known, _)| **known == *id) {
                return Err(fault("its id is there already"));
            }
            if keys.len() == Self::MAX_KEYS {
                return Err(fault("no more than 16 at once"));
            }
            let secret = decode(secret).ok_or_else(|| fault("the secret is not base64"))?;
            if secret.len() < Self::MIN_LEN {
                return Err(fault("the secret is too short: give at least 32 random bytes"));
            }
            keys.push((id.into(), mac_of(&secret)?));
        }
        Ok(SigningKeys { keys: keys.into() })
    }

    /// One new key of 256 random bits. Links under it end with this process, and no other instance
    /// takes them.
    ///
    /// # Errors
    ///
    /// The operating system has no randomness.
    pub fn random() -> Result<Self> {
        let secret = random_bytes::<32>()?;
        Ok(SigningKeys { keys: Arc::new([("random".into(), mac_of(&secret)?)]) })
    }

    /// The key that signs.
    pub(crate) fn first(&self) -> (&str, HmacSha256) {
        // Both constructors put at least one key here: splitting a text gives at least one part.
        let (id, mac) = &self.keys[0];
        (id, mac.clone())
    }

    pub(crate) fn find(&self, id: &str) -> Option<HmacSha256> {
        self.keys.iter().find(|(known, _)| **known == *id).map(|(_, mac)| mac.clone())
    }
}

fn decode(secret: &str) -> Option<Vec<u8>> {
    [alphabet::STANDARD, alphabet::URL_SAFE]
        .iter()
        .find_map(|alphabet| GeneralPurpose::new(alphabet, CONFIG).decode(secret).ok())
}

fn mac_of(secret: &[u8]) -> Result<HmacSha256> {
    HmacSha256::new_from_slice(secret)
        .map_err(|e| Error::new(ErrorKind::Config, "signing key").with_source(e))
}

impl fmt::Debug for SigningKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ids: Vec<&str> = self.keys.iter().map(|(id, _)| &**id).collect();
        write!(f, "SigningKeys({})", ids.join(", "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check_refused(text: &str) {
        let error = SigningKeys::parse(text).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Config);
        assert!(!format!("{error:?}").contains("aaaa"), "{error:?}");
    }

    #[test]
    fn refuses_what_would_sign_weakly_and_repeats_no_secret() {
        let good = "a".repeat(43);
        check_refused("");
        check_refused("aaaaaaaa");
        check_refused("k:");
        check_refused("k:aaaa");
        check_refused(&format!("k:{good}!"));
        check_refused(&format!(":{good}"));
        check_refused(&format!("k k:{good}"));
        check_refused(&format!("k:{good},k:{good}"));
        check_refused(&format!("k:{good},"));
        assert!(SigningKeys::parse(&format!("k:{good}=, l:{good}")).is_err());
        assert!(
            SigningKeys::parse(&format!("k:{}A=, l:{}A", "a".repeat(42), "_".repeat(42))).is_ok()
        );
    }
}
