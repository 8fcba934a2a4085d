use http::header::{self, HeaderMap};
use http::response::Parts;
use http::{HeaderValue, StatusCode};

use super::date;

/// How a client learns where an answer ends: [RFC 9112, section 6].
///
/// [RFC 9112, section 6]: https://www.rfc-editor.org/rfc/rfc9112#section-6
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Framing {
    /// After so many bytes more; none, where the status allows no body.
    Length(u64),
    /// By an empty chunk. Whether a chunk was begun, which the next one ends.
    Chunked { begun: bool },
}

impl Framing {
    /// Writes a head that announces a body of `length` bytes, or of an unknown number.
    ///
    /// Whether the connection may be `keep`t is said by the server; an answer can only forbid it.
    pub(super) fn write_head(
        out: &mut Vec<u8>,
        parts: &Parts,
        length: Option<u64>,
        keep: &mut bool,
    ) -> Self {
        let Parts { status, headers, .. } = parts;
        write_status(out, *status);
        for (name, value) in headers {
            if name == header::CONNECTION {
                *keep &= !value.as_bytes().eq_ignore_ascii_case(b"close");
            } else if name != header::CONTENT_LENGTH && name != header::TRANSFER_ENCODING {
                write_line(out, name.as_str(), value.as_bytes());
            }
        }
        let bodiless = matches!(*status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED);
        let framing = match length.or_else(|| declared(headers)) {
            _ if bodiless => Framing::Length(0),
            Some(length) => {
                out.extend_from_slice(b"content-length: ");
                write_number::<10>(out, length);
                out.extend_from_slice(b"\r\n");
                Framing::Length(length)
            }
            None => {
                write_line(out, "transfer-encoding", b"chunked");
                Framing::Chunked { begun: false }
            }
        };
        if !headers.contains_key(header::DATE) {
            out.extend_from_slice(b"date: ");
            date::write_now(out);
            out.extend_from_slice(b"\r\n");
        }
        if !*keep {
            write_line(out, "connection", b"close");
        }
        out.extend_from_slice(b"\r\n");
        framing
    }

    /// Writes what goes before `length` bytes of the body; false where they are too many.
    pub(super) fn begin_data(&mut self, out: &mut Vec<u8>, length: usize) -> bool {
        match self {
            Framing::Length(left) => match left.checked_sub(length as u64) {
                Some(rest) => *left = rest,
                None => return false,
            },
            // An empty chunk would be the last one.
            Framing::Chunked { .. } if length == 0 => {}
            Framing::Chunked { begun } => {
                if std::mem::replace(begun, true) {
                    out.extend_from_slice(b"\r\n");
                }
                write_number::<16>(out, length as u64);
                out.extend_from_slice(b"\r\n");
            }
        }
        true
    }

    /// Writes what goes behind the body; false where bytes are missing.
    pub(super) fn end(self, out: &mut Vec<u8>) -> bool {
        match self {
            Framing::Length(left) => return left == 0,
            Framing::Chunked { begun: true } => out.extend_from_slice(b"\r\n0\r\n\r\n"),
            Framing::Chunked { begun: false } => out.extend_from_slice(b"0\r\n\r\n"),
        }
        true
    }
}

fn write_status(out: &mut Vec<u8>, status: StatusCode) {
    if status == StatusCode::OK {
        return out.extend_from_slice(b"HTTP/1.1 200 OK\r\n");
    }
    out.extend_from_slice(b"HTTP/1.1 ");
    out.extend_from_slice(status.as_str().as_bytes());
    out.push(b' ');
    out.extend_from_slice(status.canonical_reason().unwrap_or_default().as_bytes());
    out.extend_from_slice(b"\r\n");
}

fn write_line(out: &mut Vec<u8>, name: &str, value: &[u8]) {
    out.extend_from_slice(name.as_bytes());
    out.extend_from_slice(b": ");
    out.extend_from_slice(value);
    out.extend_from_slice(b"\r\n");
}

fn write_number<const BASE: u64>(out: &mut Vec<u8>, mut number: u64) {
    let mut digits = [0; 20];
    let mut begin = digits.len();
    loop {
        begin -= 1;
        digits[begin] = b"0123456789abcdef"[(number % BASE) as usize];
        number /= BASE;
        if number == 0 {
            return out.extend_from_slice(&digits[begin..]);
        }
    }
}

/// The length that a service gives for a body which does not know it by itself.
fn declared(headers: &HeaderMap) -> Option<u64> {
    headers.get(header::CONTENT_LENGTH).map(HeaderValue::to_str)?.ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use http::Response;

    use super::*;

    #[track_caller]
    fn head(response: http::response::Builder, length: Option<u64>) -> (String, Framing, bool) {
        let (parts, ()) = response.header("date", "today").body(()).unwrap().into_parts();
        let (mut out, mut keep) = (Vec::new(), true);
        let framing = Framing::write_head(&mut out, &parts, length, &mut keep);
        let text = String::from_utf8(out).unwrap().replace("date: today\r\n", "");
        (text, framing, keep)
    }

    #[test]
    fn a_known_length_is_said() {
        let response = Response::builder().header("a", "b").header("content-length", "7");
        let (text, framing, keep) = head(response, Some(120));
        assert_eq!(text, "HTTP/1.1 200 OK\r\na: b\r\ncontent-length: 120\r\n\r\n");
        assert_eq!((framing, keep), (Framing::Length(120), true));
    }

    #[test]
    fn a_declared_length_is_kept_and_any_other_is_chunked() {
        let response = Response::builder().status(404).header("content-length", "0");
        let (text, ..) = head(response, None);
        assert_eq!(text, "HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n");

        let response = Response::builder().status(299).header("transfer-encoding", "gzip");
        let (text, framing, _) = head(response, None);
        assert_eq!(text, "HTTP/1.1 299 \r\ntransfer-encoding: chunked\r\n\r\n");
        assert_eq!(framing, Framing::Chunked { begun: false });
    }

    #[test]
    fn no_content_has_no_length() {
        let (text, framing, _) = head(Response::builder().status(204), Some(3));
        assert_eq!(text, "HTTP/1.1 204 No Content\r\n\r\n");
        assert_eq!(framing, Framing::Length(0));
    }

    #[test]
    fn an_answer_may_end_the_connection() {
        let (text, _, keep) = head(Response::builder().header("connection", "close"), Some(0));
        assert_eq!(text, "HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
        assert!(!keep);
    }

    #[test]
    fn chunks_are_ended_by_the_next() {
        let (mut framing, mut out) = (Framing::Chunked { begun: false }, Vec::new());
        assert!(framing.begin_data(&mut out, 0));
        for data in [&b"ab"[..], &[b'c'; 26]] {
            assert!(framing.begin_data(&mut out, data.len()));
            out.extend_from_slice(data);
        }
        assert!(framing.end(&mut out));
        let said = format!("2\r\nab\r\n1a\r\n{}\r\n0\r\n\r\n", "c".repeat(26));
        assert_eq!(String::from_utf8(out).unwrap(), said);
    }

    #[test]
    fn a_wrong_length_is_seen() {
        let mut out = Vec::new();
        assert!(!Framing::Length(1).begin_data(&mut out, 2));
        assert!(!Framing::Length(1).end(&mut out));
        assert!(Framing::Chunked { begun: false }.end(&mut out));
        assert_eq!(out, b"0\r\n\r\n");
    }
}
