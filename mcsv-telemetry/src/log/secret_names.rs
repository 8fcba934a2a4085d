/// What is written in place of a secret.
pub(crate) const REDACTED: &str = "[redacted]";

/// Last words of field names whose value is taken for a secret.
const SECRET_WORDS: [&str; 10] = [
    "password",
    "passwd",
    "secret",
    "token",
    "authorization",
    "cookie",
    "api_key",
    "apikey",
    "access_key",
    "private_key",
];

/// Further last words of query parameters that make a URL a credential.
const SIGNATURE_WORDS: [&str; 3] = ["signature", "sig", "credential"];

/// Whether a field of this name holds a secret: `api_key`, `smtp.password`, `x-refresh-token`.
pub(crate) fn is_secret_name(name: &str) -> bool {
    ends_in_word(name, &SECRET_WORDS)
}

fn is_secret_parameter(name: &str) -> bool {
    is_secret_name(name) || ends_in_word(name, &SIGNATURE_WORDS)
}

/// Every field of every line is asked, so nothing is copied for it.
fn ends_in_word(name: &str, words: &[&str]) -> bool {
    let letter = |byte: &u8| if *byte == b'-' { b'_' } else { byte.to_ascii_lowercase() };
    words.iter().any(|word| {
        let Some(start) = name.len().checked_sub(word.len()) else { return false };
        let (rest, last) = name.as_bytes().split_at(start);
        last.iter().rev().map(letter).eq(word.bytes().rev())
            && matches!(rest.last(), None | Some(b'_' | b'-' | b'.'))
    })
}

/// Replaces the values of secret query parameters in `text`, such as `?X-Amz-Signature=...`.
///
/// A guard for what slips through, not a licence to log signed URLs.
pub(crate) fn redact_signed_urls(text: &mut String) {
    if !text.contains('=') {
        return;
    }
    let mut kept = String::with_capacity(text.len());
    let mut rest = text.as_str();
    while let Some(equals) = rest.find('=') {
        let (before, value) = rest.split_at(equals + 1);
        kept.push_str(before);
        rest = value;
        if parameter_before(&before[..equals]).is_some_and(is_secret_parameter) {
            kept.push_str(REDACTED);
            rest = &value[value.find(is_value_end).unwrap_or(value.len())..];
        }
    }
    kept.push_str(rest);
    *text = kept;
}

/// The name at the end of `text`, where it stands as a query parameter does.
fn parameter_before(text: &str) -> Option<&str> {
    // The quote is that of a Debug representation: query: Some("sig=...").
    let start = text.rfind(['?', '&', '"'])? + 1;
    let name = &text[start..];
    let is_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    (!name.is_empty() && name.chars().all(is_name)).then_some(name)
}

fn is_value_end(c: char) -> bool {
    c.is_whitespace() || matches!(c, '&' | '#' | '"' | '\'' | '<' | '>' | ')' | '`' | ',')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secret_names_are_known_by_their_last_word() {
        for name in ["password", "smtp.password", "x-refresh-token", "API_KEY", "Authorization"] {
            assert!(is_secret_name(name), "{name}");
        }
        for name in ["token_count", "passwordless", "tokens", "key", "", "étoken", "mytoken"] {
            assert!(!is_secret_name(name), "{name}");
        }
    }

    #[track_caller]
    fn check(text: &str, redacted: &str) {
        let mut text = text.to_owned();
        redact_signed_urls(&mut text);
        assert_eq!(text, redacted);
    }

    #[test]
    fn a_signed_url_loses_its_signature() {
        check(
            "got (https://s3/b/k?a=1&X-Amz-Signature=abc&b=2) and /x?page=2",
            "got (https://s3/b/k?a=1&X-Amz-Signature=[redacted]&b=2) and /x?page=2",
        );
        check(r#"Url { query: Some("sig=abc") }"#, r#"Url { query: Some("sig=[redacted]") }"#);
        check("/f?token=abc", "/f?token=[redacted]");
    }

    #[test]
    fn other_text_stays() {
        for text in ["a=b", "sig=1", "?a=1=2", "x = \"y\"", "=", "é?=", "?é=1"] {
            check(text, text);
        }
    }
}
