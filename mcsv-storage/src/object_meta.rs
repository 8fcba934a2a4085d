use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use opendal::Metadata;

use crate::ObjectKey;
use crate::store::Backend;

/// What is known of an object besides its bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ObjectMeta {
    /// The object's name.
    pub key: ObjectKey,
    /// Its length in bytes.
    pub len: u64,
    /// The media type that it was stored with.
    pub content_type: Option<String>,
    /// A validator of the content, with its quotes, as in [RFC 9110, section 8.8.3].
    ///
    /// The store's own, else made of the SHA-256, else a weak one of length and time. A put to an object
    /// service tells only what the service answered.
    ///
    /// [RFC 9110, section 8.8.3]: https://www.rfc-editor.org/rfc/rfc9110#section-8.8.3
    pub etag: Option<String>,
    /// The SHA-256 of the content.
    ///
    /// `None` for an object that this crate didn't write, in a folder whose file system has no
    /// extended attributes, and for an upload of unknown hash above 8 MiB to an object service.
    pub sha256: Option<[u8; 32]>,
    /// When it was written. A put to an object service doesn't tell it.
    pub last_modified: Option<SystemTime>,
    /// What else it was stored with, by [`Put::metadata`](crate::Put::metadata). A listing of a
    /// bucket doesn't tell it.
    pub metadata: BTreeMap<String, String>,
}

/// What is recorded with an object's bytes.
#[derive(Clone, Debug, Default)]
pub(crate) struct Facts {
    pub(crate) content_type: Option<String>,
    pub(crate) sha256: Option<[u8; 32]>,
    pub(crate) metadata: BTreeMap<String, String>,
}

/// The names under which facts travel in a service's user metadata and in a file's attributes.
pub(crate) const SHA256: &str = "mcsv-sha256";
pub(crate) const CONTENT_TYPE: &str = "mcsv-type";

/// Before the names that a caller chose, to keep them from ours and from other programs' attributes.
pub(crate) const CHOSEN: &str = "mcsv-meta-";

/// opendal's memory keeps a few header strings and neither time nor user metadata: the facts take
/// the place of one of them.
pub(crate) fn memory_facts(facts: &Facts, now: SystemTime) -> String {
    let micros = now.duration_since(UNIX_EPOCH).unwrap_or_default().as_micros();
    let mut text = format!("{micros}");
    text.push(' ');
    if let Some(sha256) = &facts.sha256 {
        text.push_str(&hex(sha256));
    }
    // A value is printable, and the last of the line.
    for (name, value) in &facts.metadata {
        let _ = write!(text, "\n{name} {value}");
    }
    text
}

impl ObjectMeta {
    pub(crate) fn new(key: ObjectKey, found: &Metadata, backend: &Backend) -> Self {
        let mut meta = ObjectMeta::bare(key, found.content_length());
        meta.etag = found.etag().map(str::to_owned);
        meta.last_modified = found.last_modified().map(SystemTime::from);
        for (name, value) in found.user_metadata().into_iter().flatten() {
            meta.note(name, value);
        }
        // The service's own word on the type counts more than a note of ours.
        if let Some(media_type) = found.content_type() {
            meta.content_type = Some(media_type.to_owned());
        }
        if let (Backend::Memory, Some(text)) = (backend, found.cache_control()) {
            let mut lines = text.split('\n');
            let mut words = lines.next().unwrap_or_default().split(' ');
            let micros = words.next().and_then(|word| word.parse().ok());
            meta.last_modified = micros.map(|micros| UNIX_EPOCH + Duration::from_micros(micros));
            meta.sha256 = words.next().and_then(unhex);
            let pairs = lines.filter_map(|line| line.split_once(' '));
            meta.metadata = pairs.map(|(n, v)| (n.to_owned(), v.to_owned())).collect();
        }
        meta.with_etag()
    }

    /// What a file and its attributes tell.
    pub(crate) fn of_file(
        key: ObjectKey,
        len: u64,
        last_modified: Option<SystemTime>,
        attributes: Vec<(String, String)>,
    ) -> Self {
        let mut meta = ObjectMeta::bare(key, len);
        meta.last_modified = last_modified;
        for (name, value) in attributes {
            meta.note(&name, &value);
        }
        meta.with_etag()
    }

    /// What an object service was told, and what it answered.
    pub(crate) fn written(key: ObjectKey, len: u64, facts: Facts, answer: &Metadata) -> Self {
        let mut meta = ObjectMeta::bare(key, len);
        let etag = answer.etag().filter(|etag| etag.len() > 1 && etag.ends_with('"'));
        meta.etag = etag.map(str::to_owned);
        meta.last_modified = answer.last_modified().map(SystemTime::from);
        (meta.content_type, meta.sha256) = (facts.content_type, facts.sha256);
        meta.metadata = facts.metadata;
        meta
    }

    /// What memory was told at this time.
    pub(crate) fn remembered(key: ObjectKey, len: u64, facts: Facts, at: SystemTime) -> Self {
        let mut meta = ObjectMeta::bare(key, len);
        meta.last_modified = Some(at);
        (meta.content_type, meta.sha256) = (facts.content_type, facts.sha256);
        meta.metadata = facts.metadata;
        meta.with_etag()
    }

    fn bare(key: ObjectKey, len: u64) -> Self {
        ObjectMeta {
            key,
            len,
            content_type: None,
            etag: None,
            sha256: None,
            last_modified: None,
            metadata: BTreeMap::new(),
        }
    }

    /// Takes a fact that was recorded with the object.
    fn note(&mut self, name: &str, value: &str) {
        match name {
            SHA256 => self.sha256 = unhex(value),
            CONTENT_TYPE => self.content_type = Some(value.to_owned()),
            _ => {
                if let Some(name) = name.strip_prefix(CHOSEN) {
                    self.metadata.insert(name.to_owned(), value.to_owned());
                }
            }
        }
    }

    fn with_etag(mut self) -> Self {
        if self.etag.is_none() {
            self.etag = derived_etag(&self);
        }
        self
    }
}

fn derived_etag(meta: &ObjectMeta) -> Option<String> {
    if let Some(sha256) = &meta.sha256 {
        return Some(format!("\"{}\"", hex(&sha256[..16])));
    }
    let modified = meta.last_modified?.duration_since(UNIX_EPOCH).ok()?;
    Some(format!("W/\"{:x}-{:x}\"", meta.len, modified.as_nanos()))
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    let digit = |half: u8| half + if half < 10 { b'0' } else { b'a' - 10 };
    let mut text = Vec::with_capacity(bytes.len() * 2);
    text.extend(bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]));
    // Digits are ASCII.
    String::from_utf8(text).unwrap_or_default()
}

fn unhex(text: &str) -> Option<[u8; 32]> {
    let digits = text.as_bytes();
    if digits.len() != 64 {
        return None;
    }
    let mut bytes = [0; 32];
    for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
        let digit = |d: u8| char::from(d).to_digit(16);
        *byte = u8::try_from(digit(pair[0])? << 4 | digit(pair[1])?).ok()?;
    }
    Some(bytes)
}
