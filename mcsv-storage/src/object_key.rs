use std::fmt;
use std::str::FromStr;
use std::time::{SystemTime, UNIX_EPOCH};

use crate::error::{Error, ErrorKind, Result};

/// The name of an object: segments of `[A-Za-z0-9._-]`, joined by `/`, at most 512 bytes.
///
/// The alphabet is the one that no file system, URL or shell changes, so a key is the same text in
/// a folder, in a bucket, in a path and in a log, and needs no escape anywhere. A segment is never
/// empty and never starts with a dot: there is no `..`, and names such as `.partial` are the
/// store's own.
///
/// ```
/// use mcsv_storage::ObjectKey;
///
/// let key = ObjectKey::parse("invoices/2026/7.pdf")?;
/// assert_eq!(key.as_str(), "invoices/2026/7.pdf");
/// assert!(ObjectKey::parse("a/../b").is_err());
/// # Ok::<(), mcsv_storage::Error>(())
/// ```
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ObjectKey(Box<str>);

impl ObjectKey {
    /// The longest key, in bytes.
    pub const MAX_LEN: usize = 512;

    /// The longest segment, in bytes: the limit of common file systems.
    pub const MAX_SEGMENT: usize = 255;

    /// Reads a key.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::InvalidKey`] says which rule the text breaks.
    pub fn parse(text: &str) -> Result<Self> {
        check(text).map_err(|rule| {
            // The text comes from anywhere: a bounded, escaped piece of it is enough to find it.
            let shown: String = text.chars().take(64).collect();
            Error::new(ErrorKind::InvalidKey, format!("object key {shown:?}: {rule}"))
        })?;
        Ok(ObjectKey(text.into()))
    }

    /// A new, unguessable key: `{microseconds since 1970}_{32 hex digits}.{extension}`.
    ///
    /// The digits are 128 bits of the operating system's randomness, so that who holds the key
    /// may be taken for whom it was given to. Keys sort by the time at which they were made.
    ///
    /// # Errors
    ///
    /// `extension` is not 1 to 16 of `[A-Za-z0-9]`, or the operating system has no randomness.
    pub fn timestamped(extension: &str) -> Result<Self> {
        let plain = extension.bytes().all(|b| b.is_ascii_alphanumeric());
        if !plain || !(1..=16).contains(&extension.len()) {
            let rule = "extension: give 1 to 16 of A-Z, a-z, 0-9";
            return Err(Error::new(ErrorKind::InvalidKey, rule));
        }
        let random = u128::from_be_bytes(random_bytes()?);
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        ObjectKey::parse(&format!("{}_{random:032x}.{extension}", now.as_micros()))
    }

    /// The key as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The last segment.
    #[must_use]
    pub fn file_name(&self) -> &str {
        self.0.rsplit('/').next().unwrap_or_default()
    }
}

fn check(text: &str) -> Result<(), &'static str> {
    if text.is_empty() {
        return Err("is empty");
    }
    if text.len() > ObjectKey::MAX_LEN {
        return Err("is longer than 512 bytes");
    }
    for segment in text.split('/') {
        if segment.is_empty() {
            return Err("has an empty segment: no leading, trailing or double /");
        }
        if segment.starts_with('.') {
            return Err("has a segment that starts with a dot");
        }
        if segment.len() > ObjectKey::MAX_SEGMENT {
            return Err("has a segment longer than 255 bytes");
        }
        if !segment.bytes().all(is_key_byte) {
            return Err("use A-Z, a-z, 0-9, '.', '_', '-' and '/'");
        }
    }
    Ok(())
}

pub(crate) fn is_key_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-')
}

/// Bytes of the operating system's randomness.
pub(crate) fn random_bytes<const N: usize>() -> Result<[u8; N]> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).map_err(|e| {
        let what = "the operating system has no randomness";
        Error::new(ErrorKind::Internal, what).with_source(e.to_string())
    })?;
    Ok(bytes)
}

impl FromStr for ObjectKey {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        ObjectKey::parse(text)
    }
}

impl AsRef<str> for ObjectKey {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ObjectKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for ObjectKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ObjectKey({})", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check_refused(text: &str) {
        assert!(ObjectKey::parse(text).is_err(), "{text:?} was taken");
    }

    #[test]
    fn refuses_whatever_could_leave_the_folder_or_change_on_the_way() {
        let bad = [
            "", "/", "/a", "a/", "a//b", ".", "..", "../a", "a/../b", "a/..", ".a", "a/.b", "a b",
            "a%2fb", "a\\b", "a\0b", "ä", "a?b", "a#b", "a+b", "a:b", "~a*", "a\n", "C:\\x",
        ];
        bad.iter().for_each(|text| check_refused(text));
        check_refused(&"a".repeat(256));
        check_refused(&["a".repeat(200), "b".repeat(200), "c".repeat(200)].join("/"));
    }

    #[test]
    fn timestamped_keys_differ_and_sort_by_time() {
        let keys: Vec<_> = (0..3).map(|_| ObjectKey::timestamped("png").unwrap()).collect();
        let [a, b, c] = &keys[..] else { unreachable!() };

        assert!(a != b && b != c && a != c);
        assert!(a.as_str().split('_').next() <= c.as_str().split('_').next());
        assert_eq!(a.as_str().split(['_', '.']).nth(1).map(str::len), Some(32));
        assert!(ObjectKey::timestamped("p/g").is_err());
    }
}
