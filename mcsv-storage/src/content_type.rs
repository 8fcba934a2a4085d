use crate::error::{Error, ErrorKind, Result};

/// Checks that a text can be sent as a media type ([RFC 9110, section 8.3.1]): `type/subtype`,
/// perhaps with parameters, at most 255 printable ASCII bytes.
///
/// [RFC 9110, section 8.3.1]: https://www.rfc-editor.org/rfc/rfc9110#section-8.3.1
pub(crate) fn check(text: &str) -> Result<()> {
    let essence = text.split(';').next().unwrap_or_default().trim_end();
    let is_token = |part: &str| !part.is_empty() && part.bytes().all(is_token_byte);
    let printable = text.bytes().all(|byte| (0x20..=0x7e).contains(&byte));
    let fits = text.len() <= 255 && printable;
    match essence.split_once('/') {
        Some((kind, sub)) if fits && is_token(kind) && is_token(sub) => Ok(()),
        _ => {
            let shown: String = text.chars().take(64).collect();
            let message = format!("content type {shown:?}: give type/subtype, such as image/png");
            Err(Error::new(ErrorKind::InvalidOption, message))
        }
    }
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
        for good in ["image/png", "text/plain; charset=utf-8", "application/vnd.x+json"] {
            assert!(check(good).is_ok(), "{good}");
        }
        for bad in ["", "png", "image/", "/png", "image/p ng", "a/b\r\nx: y", "a/b/c", "ä/b"] {
            assert!(check(bad).is_err(), "{bad}");
        }
        assert!(same("Text/Plain;charset=UTF-8", "text/plain; charset=utf-8"));
        assert!(!same("image/png", "image/jpeg"));
    }
}
