use std::fmt::Write;

/// `text` as a text string object: UTF-16 with a byte order mark, in hexadecimal, or plain ASCII
/// (ISO 32000-1, 7.9.2.2).
pub(super) fn text_string(text: &str) -> String {
    if text.chars().all(|c| matches!(c, ' '..='~')) {
        let mut out = String::from("(");
        for c in text.chars() {
            if matches!(c, '(' | ')' | '\\') {
                out.push('\\');
            }
            out.push(c);
        }
        out.push(')');
        return out;
    }
    let mut out = String::from("<feff");
    for unit in text.encode_utf16() {
        let _ = write!(out, "{unit:04x}");
    }
    out.push('>');
    out
}

/// A number without an exponent and with at most four decimals (ISO 32000-1, 7.3.3).
pub(super) fn number(value: f64) -> String {
    let text = format!("{value:.4}");
    let text = text.trim_end_matches('0').trim_end_matches('.');
    if text == "-0" { "0".into() } else { text.into() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_what_would_end_a_string() {
        assert_eq!(text_string("a(b)\\c"), "(a\\(b\\)\\\\c)");
        assert_eq!(text_string("é\n"), "<feff00e9000a>");
    }

    #[test]
    fn writes_numbers_without_exponents() {
        assert_eq!(number(14_400.0), "14400");
        assert_eq!(number(0.125), "0.125");
        assert_eq!(number(-0.000_01), "0");
    }
}
