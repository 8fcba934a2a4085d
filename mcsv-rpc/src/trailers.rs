//! Metadata that follows an answer.
//!
//! Until it is sent, and after it is received, a trailer is kept among the headers under the name
//! that [Connect] gives it there, `trailer-{name}`: so it passes layers as they do, and a call without
//! any costs nothing.
//!
//! [Connect]: https://connectrpc.com/docs/protocol#unary-response

use http::{HeaderMap, HeaderName};

const PREFIX: &str = "trailer-";

/// The header that stands for a trailer.
pub(crate) fn header_name(name: &HeaderName) -> HeaderName {
    let prefixed = [PREFIX, name.as_str()].concat();
    // Only a name at the limit of 64 KiB can be too long with a prefix: such a one goes as it is.
    prefixed.try_into().unwrap_or_else(|_| name.clone())
}

/// Takes the trailers out of `headers`, under their own names.
pub(crate) fn take(headers: &mut HeaderMap) -> HeaderMap {
    let mut trailers = HeaderMap::new();
    if !headers.keys().any(is_trailer) {
        return trailers;
    }
    let mut name = None;
    let mut rest = HeaderMap::with_capacity(headers.keys_len());
    for (next, value) in headers.drain() {
        // A further value of one name comes without it.
        name = next.or(name);
        let Some(name) = &name else { continue };
        match own_name(name) {
            Some(own) => trailers.append(own, value),
            None => rest.append(name.clone(), value),
        };
    }
    *headers = rest;
    trailers
}

fn is_trailer(name: &HeaderName) -> bool {
    name.as_str().starts_with(PREFIX)
}

fn own_name(name: &HeaderName) -> Option<HeaderName> {
    name.as_str().strip_prefix(PREFIX)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;
    use http::header::{ETAG, SERVER};

    use super::*;

    #[test]
    fn trailers_come_out_under_their_own_names() {
        let mut headers = HeaderMap::new();
        headers.insert(SERVER, HeaderValue::from_static("s"));
        for value in ["1", "2"] {
            headers.append(header_name(&ETAG), HeaderValue::from_static(value));
        }

        let trailers = take(&mut headers);

        assert_eq!(trailers.get_all(ETAG).iter().collect::<Vec<_>>(), ["1", "2"]);
        assert_eq!((headers.len(), headers.get(SERVER).is_some()), (1, true));
        assert!(take(&mut headers).is_empty());
    }
}
