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

/// Query parameters that make a URL a credential: S3, Google, Azure and this family's own.
const SIGNATURE_PARAMETERS: [&str; 6] = [
    "x-amz-signature=",
    "x-amz-security-token=",
    "x-amz-credential=",
    "x-goog-signature=",
    "sig=",
    "token=",
];

/// Whether a field of this name holds a secret: `api_key`, `smtp.password`, `x-refresh-token`.
pub(crate) fn is_secret_name(name: &str) -> bool {
    let name = name.to_ascii_lowercase().replace('-', "_");
    SECRET_WORDS.iter().any(|word| {
        name.strip_suffix(word).is_some_and(|rest| rest.is_empty() || rest.ends_with(['_', '.']))
    })
}

/// Replaces the query of every signed URL in `text`.
///
/// A guard for what slips through, not a licence to log such a URL: it knows the usual parameter
/// names only.
pub(crate) fn redact_signed_urls(text: &mut String) {
    if !text.contains("://") || !text.contains('?') {
        return;
    }
    let mut kept = String::with_capacity(text.len());
    let mut rest = text.as_str();
    while let Some(start) = rest.find('?') {
        let query = &rest[start + 1..];
        let end = query.find(is_url_end).unwrap_or(query.len());
        kept.push_str(&rest[..=start]);
        kept.push_str(if is_signed(&query[..end]) { REDACTED } else { &query[..end] });
        rest = &query[end..];
    }
    kept.push_str(rest);
    *text = kept;
}

fn is_url_end(c: char) -> bool {
    c.is_whitespace() || matches!(c, '"' | '\'' | '<' | '>' | ')' | '`' | '?')
}

fn is_signed(query: &str) -> bool {
    let query = query.to_ascii_lowercase();
    query.split('&').any(|pair| SIGNATURE_PARAMETERS.iter().any(|name| pair.starts_with(name)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secret_names_are_known_by_their_last_word() {
        for name in ["password", "smtp.password", "x-refresh-token", "API_KEY", "Authorization"] {
            assert!(is_secret_name(name), "{name}");
        }
        for name in ["token_count", "passwordless", "tokens", "key"] {
            assert!(!is_secret_name(name), "{name}");
        }
    }

    #[test]
    fn a_signed_url_keeps_its_path_and_loses_its_query() {
        let mut text = "got (https://s3/b/k?a=1&X-Amz-Signature=abc) and /x?page=2 ok?".to_owned();

        redact_signed_urls(&mut text);

        assert_eq!(text, "got (https://s3/b/k?[redacted]) and /x?page=2 ok?");
    }
}
