use std::mem::MaybeUninit;

use bytes::Bytes;
use http::header::{self, HeaderName};
use http::request::Parts;
use http::{HeaderMap, HeaderValue, Method, Request, Uri};
use httparse::Status;

/// The most bytes of a request that is plain, its head and all; and the most of its head, which no
/// [`with_max_header_bytes`](crate::Server::with_max_header_bytes) is below.
const MOST_BYTES: usize = 128 * 1024;
const MOST_HEAD: usize = 8 * 1024;

/// The most header lines of a request that is plain.
const MOST_LINES: usize = 48;

/// A plain request, and what came behind it.
pub(super) struct Plain {
    pub(super) parts: Parts,
    pub(super) body: Bytes,
    /// Whether the connection may be used again.
    pub(super) keep: bool,
    pub(super) rest: Bytes,
}

/// What bytes begin with where they do not begin with a plain request.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum NotPlain {
    /// The beginning of a head.
    Begun,
    /// The head of one that has this many bytes, and a part of its body.
    Headed { whole: usize },
    /// What hyper shall see to: another version, a method with rules of its own, a head or a body that
    /// is long, chunks, a request to be asked for its body or to speak something else, and whatever
    /// breaks the grammar.
    Ever,
}

impl Plain {
    /// Takes the first request of `bytes`, without copies of them, and for its headers the map of
    /// `spare`, which is empty.
    pub(super) fn first_of(bytes: &Bytes, spare: &mut HeaderMap) -> Result<Self, NotPlain> {
        let mut lines = [const { MaybeUninit::uninit() }; MOST_LINES];
        let mut read = httparse::Request::new(&mut []);
        let head = match read.parse_with_uninit_headers(bytes, &mut lines) {
            Ok(Status::Complete(head)) if head <= MOST_HEAD => head,
            Ok(Status::Partial) if bytes.len() < MOST_HEAD => return Err(NotPlain::Begun),
            _ => return Err(NotPlain::Ever),
        };
        let (parts, said) = understood(bytes, &read, spare).ok_or(NotPlain::Ever)?;
        let end = head + said.length;
        if end > MOST_BYTES {
            return Err(NotPlain::Ever);
        }
        if bytes.len() < end {
            return Err(NotPlain::Headed { whole: end });
        }
        let (body, rest) = (bytes.slice(head..end), bytes.slice(end..));
        Ok(Plain { parts, body, keep: said.keep, rest })
    }
}

/// What a head says of the connection.
struct Said {
    length: usize,
    keep: bool,
}

fn understood(
    bytes: &Bytes,
    read: &httparse::Request<'_, '_>,
    spare: &mut HeaderMap,
) -> Option<(Parts, Said)> {
    let (Some(method), Some(path), Some(1)) = (read.method, read.path, read.version) else {
        return None;
    };
    let method = Method::from_bytes(method.as_bytes()).ok()?;
    if !path.starts_with('/') || matches!(method, Method::HEAD | Method::CONNECT) {
        return None;
    }
    let (mut parts, ()) = Request::new(()).into_parts();
    parts.method = method;
    parts.uri = Uri::from_maybe_shared(bytes.slice_ref(path.as_bytes())).ok()?;
    let (mut length, mut keep, mut hosts) = (None, true, 0);
    let mut headers = std::mem::take(spare);
    for line in read.headers.iter() {
        let name = HeaderName::from_bytes(line.name.as_bytes()).ok()?;
        if name == header::CONTENT_LENGTH {
            if length.replace(decimal(line.value)?).is_some() {
                return None;
            }
        } else if name == header::CONNECTION {
            match line.value {
                value if value.eq_ignore_ascii_case(b"keep-alive") => {}
                value if value.eq_ignore_ascii_case(b"close") => keep = false,
                _ => return None,
            }
        } else if name == header::HOST {
            hosts += 1;
        } else if name == header::TRANSFER_ENCODING
            || name == header::EXPECT
            || name == header::UPGRADE
        {
            return None;
        }
        headers.append(name, HeaderValue::from_maybe_shared(bytes.slice_ref(line.value)).ok()?);
    }
    if hosts != 1 {
        return None;
    }
    parts.headers = headers;
    Some((parts, Said { length: length.unwrap_or_default(), keep }))
}

/// A number of few digits and nothing else.
fn decimal(digits: &[u8]) -> Option<usize> {
    let plain = (1..=9).contains(&digits.len()) && digits.iter().all(u8::is_ascii_digit);
    let digit = |number: usize, digit: &u8| number * 10 + usize::from(digit - b'0');
    plain.then(|| digits.iter().fold(0, digit))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn first(bytes: &str) -> Result<Plain, NotPlain> {
        Plain::first_of(&Bytes::copy_from_slice(bytes.as_bytes()), &mut HeaderMap::new())
    }

    #[track_caller]
    fn check(bytes: &str, not_plain: NotPlain) {
        assert_eq!(first(bytes).err(), Some(not_plain), "{bytes:?}");
    }

    #[test]
    fn a_plain_request_is_taken_apart() {
        let arrived = first(
            "POST /a.B/C?d=e HTTP/1.1\r\nHost: h\r\nX-Twice: 1\r\nContent-Length: 3\r\n\
             x-twice: 2\r\n\r\nabcGET / HT",
        );
        let arrived = arrived.unwrap();
        assert_eq!(arrived.parts.method, Method::POST);
        assert_eq!(arrived.parts.uri, "/a.B/C?d=e");
        let twice: Vec<_> = arrived.parts.headers.get_all("x-twice").iter().collect();
        assert_eq!(twice, ["1", "2"]);
        assert_eq!((arrived.body.as_ref(), arrived.rest.as_ref()), (&b"abc"[..], &b"GET / HT"[..]));
        assert!(arrived.keep);
    }

    #[test]
    fn no_length_is_no_body() {
        let arrived = first("GET / HTTP/1.1\r\nhost: h\r\nconnection: Close\r\n\r\n").unwrap();
        assert!(arrived.body.is_empty() && arrived.rest.is_empty() && !arrived.keep);
    }

    #[test]
    fn every_beginning_of_a_plain_request_is_a_part() {
        let request = "POST /a HTTP/1.1\r\nhost: h\r\ncontent-length: 2\r\n\r\nab";
        let head = request.len() - 2;
        for end in 0..request.len() {
            let whole = request.len();
            let begun = if end < head { NotPlain::Begun } else { NotPlain::Headed { whole } };
            check(&request[..end], begun);
        }
        first(request).unwrap();
    }

    #[test]
    fn what_is_not_plain_is_left() {
        for head in [
            "HEAD / HTTP/1.1",
            "CONNECT h:1 HTTP/1.1",
            "OPTIONS * HTTP/1.1",
            "GET http://h/ HTTP/1.1",
            "GET / HTTP/1.0",
            "GET / HTTP/2.0",
            "G(T / HTTP/1.1",
            "GET /\u{7f} HTTP/1.1",
            "POST / HTTP/1.1\r\ntransfer-encoding: chunked",
            "POST / HTTP/1.1\r\ntransfer-encoding: identity\r\ncontent-length: 1",
            "POST / HTTP/1.1\r\ncontent-length: 1\r\ncontent-length: 1",
            "POST / HTTP/1.1\r\ncontent-length: 1, 1",
            "POST / HTTP/1.1\r\ncontent-length: +1",
            "POST / HTTP/1.1\r\ncontent-length:",
            "POST / HTTP/1.1\r\ncontent-length: 0x1",
            "POST / HTTP/1.1\r\ncontent-length: 18446744073709551617",
            "POST / HTTP/1.1\r\ncontent-length: 131072",
            "POST / HTTP/1.1\r\ncontent-length : 1",
            "POST / HTTP/1.1\r\na: b\r\n content-length: 1",
            "POST / HTTP/1.1\r\nexpect: 100-continue\r\ncontent-length: 1",
            "GET / HTTP/1.1\r\nconnection: upgrade\r\nupgrade: h2c",
            "GET / HTTP/1.1\r\nupgrade: websocket",
            "GET / HTTP/1.1\r\nconnection: keep-alive, te",
            "GET / HTTP/1.1\r\na: \u{0}",
        ] {
            check(&format!("{head}\r\nhost: h\r\n\r\n "), NotPlain::Ever);
        }
        check("GET / HTTP/1.1\r\n\r\n", NotPlain::Ever);
        check("GET / HTTP/1.1\r\nhost: h\r\nhost: h\r\n\r\n", NotPlain::Ever);
    }

    #[test]
    fn a_long_or_wide_head_is_left() {
        let line = format!("a: {}\r\n", "b".repeat(9000));
        check(&format!("GET / HTTP/1.1\r\nhost: h\r\n{line}\r\n"), NotPlain::Ever);
        check(&format!("GET / HTTP/1.1\r\nhost: h\r\n{line}"), NotPlain::Ever);
        let lines = "a: b\r\n".repeat(MOST_LINES + 1);
        check(&format!("GET / HTTP/1.1\r\n{lines}\r\n"), NotPlain::Ever);
    }
}
