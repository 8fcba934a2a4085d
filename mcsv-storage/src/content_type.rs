use crate::error::{Error, ErrorKind, Result};

/// Checks that a text can be sent as a media type ([RFC 9110, section 8.3.1]): `type/subtype`,
/// perhaps with parameters, at most 255 printable ASCII bytes.
///
/// [RFC 9110, section 8.3.1]: https://www.rfc-editor.org/rfc/rfc9110#section-8.3.1
pub(crate) fn check(text: &str) -> Result<()> {
    let printable = text.bytes().all(|byte| (0x20..=0x7e).contains(&byte));
    match text.len() <= 255 && printable && is_single(text) {
        true => Ok(()),
        false => {
            let shown: String = text.chars().take(64).collect();
            let message = format!("content type {shown:?}: give type/subtype, such as image/png");
            Err(Error::new(ErrorKind::InvalidOption, message))
        }
    }
}

/// Whether a text is one media type and not a list or a range of them.
fn is_single(text: &str) -> bool {
    let (essence, mut rest) = match text.find(';') {
        Some(at) => (text[..at].trim_end_matches(' '), &text[at..]),
        None => (text, ""),
    };
    let Some((kind, sub)) = essence.split_once('/') else { return false };
    if essence.contains('*') || !is_token(kind) || !is_token(sub) {
        return false;
    }
    while let Some(after) = rest.strip_prefix(';') {
        let after = after.trim_start_matches(' ');
        // The grammar has empty parameters.
        let value = match after.split_once('=') {
            _ if after.is_empty() || after.starts_with(';') => after,
            Some((name, value)) if is_token(name) => value,
            _ => return false,
        };
        let Some(end) = value_end(value) else { return false };
        rest = value[end..].trim_start_matches(' ');
    }
    rest.is_empty()
}

/// Where a parameter's value ends: a token, or a string in quotes.
fn value_end(value: &str) -> Option<usize> {
    if !value.starts_with('"') {
        return Some(value.bytes().position(|byte| !is_token_byte(byte)).unwrap_or(value.len()));
    }
    let mut bytes = value.bytes().enumerate().skip(1);
    while let Some((at, byte)) = bytes.next() {
        match byte {
            b'"' => return Some(at + 1),
            b'\\' => drop(bytes.next()),
            _ => {}
        }
    }
    None
}

pub(crate) fn is_token(part: &str) -> bool {
    !part.is_empty() && part.bytes().all(is_token_byte)
}

/// Whether two media types are the same but for case and space around parameters.
pub(crate) fn same(one: &str, other: &str) -> bool {
    let parts = |text: &str| -> Vec<String> {
        text.split(';').map(|part| part.trim().to_ascii_lowercase()).collect()
    };
    parts(one) == parts(other)
}

fn is_token_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_media_types_only() {
        for good in [
            "image/png",
            "text/plain; charset=utf-8",
            "text/plain ;charset=utf-8 ; a=b;",
            "multipart/x; boundary=\"a;, \\\"b\"; c=d",
            "application/vnd.x+json",
        ] {
            assert!(check(good).is_ok(), "{good}");
        }
        for bad in [
            "",
            "png",
            "image/",
            "/png",
            "image/p ng",
            "a/b\r\nx: y",
            "a/b/c",
            "ä/b",
            "*/*",
            "image/*",
            "image/png, text/html",
            "image/png; , text/html",
            "image/png; a=b, text/html",
            "image/png ",
            "image/png; a",
            "image/png; a b=c",
            "image/png; a=\"b",
            "image/png; a=\"b\"c",
            "image/png; =c",
        ] {
            assert!(check(bad).is_err(), "{bad}");
        }
        assert!(same("Text/Plain;charset=UTF-8", "text/plain; charset=utf-8"));
        assert!(!same("image/png", "image/jpeg"));
    }
}
