//! Numbers as JSON writes them.

/// The bytes of the number at the start of `text`, or 0 where there is none (RFC 8259, section 6).
pub(crate) fn length(text: &[u8]) -> usize {
    let digits = |from: usize| text[from..].iter().take_while(|b| b.is_ascii_digit()).count();
    let mut at = usize::from(text.first() == Some(&b'-'));
    match digits(at) {
        0 => return 0,
        // The number ends after a leading zero; what follows is then no JSON.
        count => at += if text[at] == b'0' { 1 } else { count },
    }
    if text.get(at) == Some(&b'.') {
        match digits(at + 1) {
            0 => return 0,
            count => at += 1 + count,
        }
    }
    if let Some(b'e' | b'E') = text.get(at) {
        let sign = usize::from(matches!(text.get(at + 1), Some(b'+' | b'-')));
        match digits(at + 1 + sign) {
            0 => return 0,
            count => at += 1 + sign + count,
        }
    }
    at
}

/// The whole number that `text` writes, such as `-1`, `100.0` or `1e2`; `None` where it is no
/// number, has a fraction, or needs more than 20 digits.
pub(crate) fn integer(text: &str) -> Option<i128> {
    if text.len() <= 20
        && !text.starts_with(['+', '0'])
        && !text.starts_with("-0")
        && let Ok(number) = text.parse()
    {
        return Some(number);
    }
    if length(text.as_bytes()) != text.len() || text.is_empty() {
        return None;
    }
    let (mantissa, exponent) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let negative = whole.starts_with('-');
    let digits = format!("{}{fraction}", whole.trim_start_matches('-'));
    let significant = digits.trim_end_matches('0');
    let dropped = digits.len() - significant.len();
    let significant = significant.trim_start_matches('0');
    if significant.is_empty() {
        return Some(0);
    }
    // An exponent beyond 64 bits is out of range whatever the digits, which are in memory.
    let exponent: i64 = exponent.parse().ok()?;
    let zeros = exponent.checked_add(dropped as i64)?.checked_sub(fraction.len() as i64)?;
    let zeros = u32::try_from(zeros).ok().filter(|zeros| *zeros <= 20)?;
    if significant.len() > 20 {
        return None;
    }
    let number = significant.parse::<i128>().ok()?.checked_mul(10_i128.pow(zeros))?;
    Some(if negative { -number } else { number })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: Option<i128>) {
        assert_eq!(integer(text), expected, "{text:?}");
    }

    #[test]
    fn whole_numbers_may_have_a_point_or_an_exponent() {
        check("0", Some(0));
        check("-0", Some(0));
        check("-0.000e99999", Some(0));
        check("12", Some(12));
        check("-9223372036854775808", Some(i64::MIN.into()));
        check("18446744073709551615", Some(u64::MAX.into()));
        check("100.000", Some(100));
        check("1e2", Some(100));
        check("1.5E+1", Some(15));
        check("1500e-2", Some(15));
        check("-0.15e2", Some(-15));
    }

    #[test]
    fn other_texts_are_no_whole_number() {
        for bad in ["", "-", "+1", "01", "-01", "1.", ".1", "1e", "0.5", "1e-1", " 1", "1 ", "0x1"]
        {
            check(bad, None);
        }
        for huge in ["1e21", "1e999999999", "1e99999999999999999999", "1e-9223372036854775808"] {
            check(huge, None);
        }
        check(&"9".repeat(100), None);
    }

    #[test]
    fn a_number_ends_where_the_grammar_ends_it() {
        for (text, expected) in [("01", 1), ("-", 0), ("1.", 0), ("1e5,", 3), ("-1.5e-3x", 7)] {
            assert_eq!(length(text.as_bytes()), expected, "{text:?}");
        }
    }
}
