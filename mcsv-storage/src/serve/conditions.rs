use std::ops::Range;

use http::header::{self, HeaderMap};

/// Whether the client has this content already ([RFC 9110, section 13.1.2]).
///
/// [RFC 9110, section 13.1.2]: https://www.rfc-editor.org/rfc/rfc9110#section-13.1.2
pub(crate) fn is_known(headers: &HeaderMap, etag: Option<&str>) -> bool {
    let weakly = |tag: &str| tag.trim().trim_start_matches("W/").to_owned();
    headers.get_all(header::IF_NONE_MATCH).iter().filter_map(|value| value.to_str().ok()).any(
        |list| {
            list.trim() == "*"
                || etag.is_some_and(|etag| list.split(',').any(|tag| weakly(tag) == weakly(etag)))
        },
    )
}

/// What a `range` header asks for.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Asked {
    /// All of it: no range, or one that may be ignored ([RFC 9110, section 14.2]), such as several
    /// at once, another unit or bad syntax.
    ///
    /// [RFC 9110, section 14.2]: https://www.rfc-editor.org/rfc/rfc9110#section-14.2
    Whole,
    /// These bytes, not none.
    Part(Range<u64>),
    /// Bytes that are not there.
    Missing,
}

/// Reads the range of an object of `len` bytes.
pub(crate) fn asked_range(headers: &HeaderMap, len: u64, etag: Option<&str>) -> Asked {
    if let Some(condition) = headers.get(header::IF_RANGE) {
        // Only a strong tag vouches that the parts fit together; a date is not one.
        let strong = etag.filter(|etag| etag.starts_with('"'));
        if strong.is_none_or(|etag| condition.as_bytes() != etag.as_bytes()) {
            return Asked::Whole;
        }
    }
    let mut values = headers.get_all(header::RANGE).iter();
    let (Some(value), None) = (values.next(), values.next()) else { return Asked::Whole };
    let parsed = value.to_str().ok().and_then(|value| value.strip_prefix("bytes="));
    parsed.and_then(|spec| parse(spec.trim(), len)).unwrap_or(Asked::Whole)
}

fn parse(spec: &str, len: u64) -> Option<Asked> {
    let (first, last) = spec.split_once('-')?;
    let number = |digits: &str| -> Option<u64> {
        let plain = !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit());
        // More than fits is behind any end.
        plain.then(|| digits.parse().unwrap_or(u64::MAX))
    };
    let range = if first.is_empty() {
        len.saturating_sub(number(last)?)..len
    } else {
        let start = number(first)?;
        let end = if last.is_empty() { len } else { number(last)?.saturating_add(1) };
        if !last.is_empty() && end <= start && start != u64::MAX {
            return None;
        }
        start..end.min(len)
    };
    Some(if range.is_empty() { Asked::Missing } else { Asked::Part(range) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    fn headers(name: header::HeaderName, value: &str) -> HeaderMap {
        HeaderMap::from_iter([(name, HeaderValue::from_str(value).unwrap())])
    }

    #[track_caller]
    fn check(range: &str, expected: Asked) {
        assert_eq!(asked_range(&headers(header::RANGE, range), 10, None), expected, "{range}");
    }

    #[test]
    fn reads_one_range_and_ignores_what_it_may() {
        check("bytes=0-0", Asked::Part(0..1));
        check("bytes=2-5", Asked::Part(2..6));
        check("bytes=5-", Asked::Part(5..10));
        check("bytes=-3", Asked::Part(7..10));
        check("bytes=-99", Asked::Part(0..10));
        check("bytes=0-18446744073709551615", Asked::Part(0..10));
        check("bytes=0-99999999999999999999999", Asked::Part(0..10));
        check("bytes=10-", Asked::Missing);
        check("bytes=99999999999999999999999-", Asked::Missing);
        check("bytes=-0", Asked::Missing);
        for ignored in ["bytes=5-2", "bytes=0-1,3-4", "bytes=", "bytes=-", "bytes=a-b", "lines=0-1"]
        {
            check(ignored, Asked::Whole);
        }
    }

    #[test]
    fn a_range_of_other_content_is_the_whole() {
        let mut asked = headers(header::RANGE, "bytes=0-0");
        asked.insert(header::IF_RANGE, HeaderValue::from_static("\"a\""));

        assert_eq!(asked_range(&asked, 10, Some("\"a\"")), Asked::Part(0..1));
        assert_eq!(asked_range(&asked, 10, Some("\"b\"")), Asked::Whole);
        assert_eq!(asked_range(&asked, 10, Some("W/\"a\"")), Asked::Whole);
        assert_eq!(asked_range(&asked, 10, None), Asked::Whole);
    }

    #[test]
    fn knows_a_tag_in_a_list() {
        let known = |list: &str, etag| is_known(&headers(header::IF_NONE_MATCH, list), etag);

        assert!(known("\"x\", W/\"a\"", Some("\"a\"")));
        assert!(known("*", None));
        assert!(!known("\"x\"", Some("\"a\"")));
        assert!(!known("\"x\"", None));
    }
}
