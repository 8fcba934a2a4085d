use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::codec::Codec;
use crate::coding::Coding;

/// The longest path and query: what RFC 9110, section 4.1, asks everyone to take.
pub(crate) const LONGEST: usize = 8000;

/// The query that stands for a request's body, or `None` where it would be too long.
///
/// <https://connectrpc.com/docs/protocol#unary-get-request>
pub(crate) fn query(
    codec: Codec,
    coding: Option<&str>,
    message: &[u8],
    room: usize,
) -> Option<String> {
    // Base64 takes four bytes for three, an escape three for one.
    if message.len() > room {
        return None;
    }
    let (encoding, binary) = match codec {
        Codec::Proto => ("proto", true),
        Codec::Json => ("json", coding.is_some()),
    };
    let mut query = String::with_capacity(64 + message.len() * 4 / 3);
    // In the order that the specification recommends, for caches that compare URLs as they are.
    query.push_str("?connect=v1");
    if binary {
        query.push_str("&base64=1");
    }
    if let Some(coding) = coding {
        query.push_str("&compression=");
        query.push_str(coding);
    }
    query.push_str("&encoding=");
    query.push_str(encoding);
    query.push_str("&message=");
    match binary {
        true => URL_SAFE_NO_PAD.encode_string(message, &mut query),
        false => escape(message, &mut query),
    }
    (query.len() <= room).then_some(query)
}

/// The name of a coding in a query.
pub(crate) fn name(coding: Coding) -> Option<&'static str> {
    (coding != Coding::Identity).then(|| coding.name())
}

/// What RFC 3986 calls unreserved stays, all else becomes `%XX`.
fn escape(text: &[u8], escaped: &mut String) {
    const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
    for byte in text {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                escaped.push(char::from(*byte));
            }
            _ => {
                escaped.push('%');
                escaped.push(DIGITS[usize::from(byte >> 4)].into());
                escaped.push(DIGITS[usize::from(byte & 15)].into());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::connect::Query;

    #[track_caller]
    fn check(codec: Codec, coding: Option<&str>, message: &[u8], expected: &str) {
        let query = query(codec, coding, message, LONGEST).unwrap();
        assert_eq!(query, expected);
        assert_eq!(Query::parse(&query[1..]).message().unwrap(), message);
    }

    #[test]
    fn a_message_is_written_as_the_specification_says() {
        check(Codec::Proto, None, b"\xff\xef", "?connect=v1&base64=1&encoding=proto&message=_-8");
        check(
            Codec::Json,
            None,
            br#"{"a":"1 +"}"#,
            "?connect=v1&encoding=json&message=%7B%22a%22%3A%221%20%2B%22%7D",
        );
        check(
            Codec::Json,
            Some("gzip"),
            b"abc",
            "?connect=v1&base64=1&compression=gzip&encoding=json&message=YWJj",
        );
        check(Codec::Proto, None, b"", "?connect=v1&base64=1&encoding=proto&message=");
    }

    #[test]
    fn a_message_that_makes_the_url_too_long_stays_in_the_body() {
        assert!(query(Codec::Proto, None, &[0; 5000], LONGEST).is_some());
        assert!(query(Codec::Proto, None, &[0; 6000], LONGEST).is_none());
        assert!(query(Codec::Json, None, &[b'"'; 3000], LONGEST).is_none());
    }
}
