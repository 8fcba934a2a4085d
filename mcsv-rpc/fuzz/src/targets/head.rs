//! A message of HTTP as text, so that a corpus can be read and written by hand: a first line, lines
//! of `name: value`, an empty line, the body.

use http::{HeaderMap, HeaderName, HeaderValue};

pub(super) struct Parsed<'a> {
    pub(super) first: &'a str,
    pub(super) headers: HeaderMap,
    /// Headers whose name begins with `trailer-`, without it.
    pub(super) trailers: HeaderMap,
    pub(super) body: &'a [u8],
}

/// `None` where hyper would have refused the head, so that no such thing comes further.
pub(super) fn parse(bytes: &[u8]) -> Option<Parsed<'_>> {
    let (first, mut rest) = line(bytes);
    let (mut headers, mut trailers) = (HeaderMap::new(), HeaderMap::new());
    loop {
        let (header, after) = line(rest);
        rest = after;
        if header.is_empty() {
            break;
        }
        let at = header.iter().position(|byte| *byte == b':')?;
        let value = HeaderValue::from_bytes(header[at + 1..].trim_ascii()).ok()?;
        let (name, into) = match header[..at].strip_prefix(b"trailer-") {
            Some(name) => (name, &mut trailers),
            None => (&header[..at], &mut headers),
        };
        into.append(HeaderName::from_bytes(name).ok()?, value);
    }
    Some(Parsed { first: std::str::from_utf8(first).ok()?, headers, trailers, body: rest })
}

fn line(bytes: &[u8]) -> (&[u8], &[u8]) {
    match bytes.iter().position(|byte| *byte == b'\n') {
        Some(end) => (&bytes[..end], &bytes[end + 1..]),
        None => (bytes, &[]),
    }
}
