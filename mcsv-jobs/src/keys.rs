use std::fmt;
use std::sync::Arc;

use chacha20poly1305::aead::{Aead, Generate, KeyInit, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};

use crate::{Error, ErrorKind};

/// Before the tag and the arguments themselves.
const NONCE: usize = 24;

/// The keys of sealed arguments: one to seal with, and older ones to open with.
///
/// The cipher is XChaCha20-Poly1305, whose nonces are long enough to be random for any number of
/// jobs. The job's kind is authenticated with the arguments, so that they can't be moved under
/// another kind. Not hidden are the kind, the queue, keys of uniqueness and partition, results,
/// errors and progress.
///
/// To change keys: give the new key to every process as an older one, then make it the first one
/// everywhere, and drop the old one when no [record](crate::JobRecord::sealed_with) names it.
///
/// ```
/// use mcsv_jobs::Keys;
///
/// # fn secret(name: &str) -> [u8; 32] { [name.len() as u8; 32] }
/// let keys = Keys::new("2026-11", &secret("new"))?.with_older("2026-05", &secret("old"))?;
/// # let _ = keys;
/// # Ok::<(), mcsv_jobs::Error>(())
/// ```
#[derive(Clone)]
pub struct Keys {
    /// The first one seals.
    keys: Arc<[Key]>,
}

#[derive(Clone)]
struct Key {
    id: String,
    cipher: XChaCha20Poly1305,
}

impl Keys {
    /// Seals with `key`, which must be 32 random bytes, under the name `id`.
    ///
    /// # Errors
    ///
    /// The name is none: give 1 to 128 bytes of printable ASCII without spaces.
    pub fn new(id: &str, key: &[u8; 32]) -> Result<Self, Error> {
        Ok(Keys { keys: Arc::new([Key::new(id, key)?]) })
    }

    /// Opens what `key` has sealed under the name `id`, too.
    ///
    /// # Errors
    ///
    /// The name is none, or is that of another key.
    pub fn with_older(self, id: &str, key: &[u8; 32]) -> Result<Self, Error> {
        if self.find(id).is_some() {
            return Err(Error::invalid(format!("key {id:?} is given twice: name each once")));
        }
        let added = Key::new(id, key)?;
        Ok(Keys { keys: self.keys.iter().cloned().chain([added]).collect() })
    }

    /// The sealed arguments, and the name of their key.
    pub(crate) fn seal(&self, kind: &str, args: &[u8]) -> Result<(Vec<u8>, String), Error> {
        let key = &self.keys[0];
        let refused = |_| {
            Error::new(ErrorKind::Encode, format!("arguments of kind {kind:?} can't be sealed"))
        };
        let nonce = XNonce::try_generate().map_err(|cause| {
            Error::new(ErrorKind::Unavailable, "the system gives no random bytes")
                .with_source(cause.to_string())
        })?;
        let payload = Payload { msg: args, aad: kind.as_bytes() };
        let sealed = key.cipher.encrypt(&nonce, payload).map_err(refused)?;
        Ok(([nonce.as_slice(), &sealed].concat(), key.id.clone()))
    }

    /// The arguments; none if no key has this name.
    pub(crate) fn open(
        &self,
        kind: &str,
        id: &str,
        sealed: &[u8],
    ) -> Option<Result<Vec<u8>, Error>> {
        let key = self.find(id)?;
        let opened = sealed.split_at_checked(NONCE).and_then(|(nonce, sealed)| {
            let payload = Payload { msg: sealed, aad: kind.as_bytes() };
            key.cipher.decrypt(&XNonce::try_from(nonce).ok()?, payload).ok()
        });
        Some(opened.ok_or_else(|| {
            let context = format!("arguments of kind {kind:?} were not sealed by key {id:?}");
            Error::new(ErrorKind::Decode, context)
        }))
    }

    fn find(&self, id: &str) -> Option<&Key> {
        self.keys.iter().find(|key| key.id == id)
    }
}

impl Key {
    fn new(id: &str, key: &[u8; 32]) -> Result<Self, Error> {
        crate::new_job::check_name("key", id)?;
        Ok(Key { id: id.to_owned(), cipher: XChaCha20Poly1305::new(key.into()) })
    }
}

impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The names alone.
        f.debug_list().entries(self.keys.iter().map(|key| &key.id)).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(id: &str, byte: u8) -> Keys {
        Keys::new(id, &[byte; 32]).unwrap()
    }

    #[test]
    fn what_is_sealed_is_opened_by_its_key_and_kind_alone() {
        let (sealed, id) = keys("a", 1).seal("mail", b"to ada").unwrap();

        let both = keys("b", 2).with_older("a", &[1; 32]).unwrap();
        assert_eq!(both.open("mail", &id, &sealed).unwrap().unwrap(), b"to ada");
        assert!(both.open("fax", &id, &sealed).unwrap().is_err());
        assert!(keys("a", 3).open("mail", &id, &sealed).unwrap().is_err());
        assert!(keys("b", 2).open("mail", &id, &sealed).is_none());
    }

    #[test]
    fn every_bit_is_authenticated_and_every_sealing_is_its_own() {
        let (sealed, id) = keys("a", 1).seal("mail", b"to ada").unwrap();

        for bit in 0..sealed.len() * 8 {
            let mut forged = sealed.clone();
            forged[bit / 8] ^= 1 << (bit % 8);
            assert!(keys("a", 1).open("mail", &id, &forged).unwrap().is_err(), "bit {bit}");
        }
        for length in 0..sealed.len() {
            assert!(keys("a", 1).open("mail", &id, &sealed[..length]).unwrap().is_err());
        }
        assert_ne!(keys("a", 1).seal("mail", b"to ada").unwrap().0, sealed);
    }

    #[test]
    fn a_key_has_a_name_of_its_own_and_shows_nothing_else() {
        assert!(keys("a", 1).with_older("a", &[2; 32]).unwrap_err().is_invalid());
        assert!(Keys::new("two words", &[1; 32]).is_err());
        assert_eq!(format!("{:?}", keys("a", 1)), r#"["a"]"#);
    }
}
