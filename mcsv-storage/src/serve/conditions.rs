use std::ops::Range;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use http::header::{self, HeaderMap, HeaderName};

/// Whether the client has this content already ([RFC 9110, sections 13.1.2 and 13.1.3]).
///
/// [RFC 9110, sections 13.1.2 and 13.1.3]: https://www.rfc-editor.org/rfc/rfc9110#section-13.1.2
pub(crate) fn is_known(
    headers: &HeaderMap,
    etag: Option<&str>,
    modified: Option<SystemTime>,
) -> bool {
    if headers.contains_key(header::IF_NONE_MATCH) {
        let weakly = |tag: &str, etag: &str| strong(tag.trim()) == strong(etag);
        return names(headers, &header::IF_NONE_MATCH, etag, weakly);
    }
    let since = date(headers, &header::IF_MODIFIED_SINCE);
    matches!((since, whole_seconds(modified)), (Some(since), Some(modified)) if modified <= since)
}

/// Whether the client wants another content than this ([RFC 9110, sections 13.1.1 and 13.1.4]).
///
/// [RFC 9110, sections 13.1.1 and 13.1.4]: https://www.rfc-editor.org/rfc/rfc9110#section-13.1.1
pub(crate) fn is_another(
    headers: &HeaderMap,
    etag: Option<&str>,
    modified: Option<SystemTime>,
) -> bool {
    if headers.contains_key(header::IF_MATCH) {
        let strongly = |tag: &str, etag: &str| tag.trim() == etag && !etag.starts_with("W/");
        return !names(headers, &header::IF_MATCH, etag, strongly);
    }
    let since = date(headers, &header::IF_UNMODIFIED_SINCE);
    matches!((since, whole_seconds(modified)), (Some(since), Some(modified)) if modified > since)
}

/// Whether a header names the tag, or any by `*`.
fn names(
    headers: &HeaderMap,
    name: &HeaderName,
    etag: Option<&str>,
    same: impl Fn(&str, &str) -> bool,
) -> bool {
    let lists = headers.get_all(name).iter().filter_map(|value| value.to_str().ok());
    lists.into_iter().any(|list| {
        let named = |etag| list.split(',').any(|tag| same(tag, etag));
        list.trim() == "*" || etag.is_some_and(named)
    })
}

fn strong(tag: &str) -> &str {
    tag.trim_start_matches("W/")
}

/// A date, of which there is exactly one and which is one.
fn date(headers: &HeaderMap, name: &HeaderName) -> Option<SystemTime> {
    let mut values = headers.get_all(name).iter();
    let (Some(value), None) = (values.next(), values.next()) else { return None };
    httpdate::parse_http_date(value.to_str().ok()?).ok()
}

/// What `last-modified` says of a time: a header has no parts of a second.
fn whole_seconds(time: Option<SystemTime>) -> Option<SystemTime> {
    let since = time?.duration_since(UNIX_EPOCH).ok()?;
    Some(UNIX_EPOCH + Duration::from_secs(since.as_secs()))
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
        let known = |list: &str, etag| is_known(&headers(header::IF_NONE_MATCH, list), etag, None);

        assert!(known("\"x\", W/\"a\"", Some("\"a\"")));
        assert!(known("*", None));
        assert!(!known("\"x\"", Some("\"a\"")));
        assert!(!known("\"x\"", None));
    }

    #[test]
    fn demands_a_strong_tag() {
        let another = |list: &str, etag| is_another(&headers(header::IF_MATCH, list), etag, None);

        assert!(!another("\"x\", \"a\"", Some("\"a\"")));
        assert!(!another("*", Some("\"a\"")));
        assert!(another("\"x\"", Some("\"a\"")));
        assert!(another("W/\"a\"", Some("W/\"a\"")));
        assert!(another("\"a\"", None));
        assert!(!is_another(&HeaderMap::new(), Some("\"a\""), None));
    }

    #[test]
    fn compares_dates_by_the_second_and_only_without_tags() {
        let written = Some(UNIX_EPOCH + Duration::from_millis(1_000_500));
        let at = |name, second| {
            let date = UNIX_EPOCH + Duration::from_secs(second);
            headers(name, &httpdate::fmt_http_date(date))
        };
        assert!(is_known(&at(header::IF_MODIFIED_SINCE, 1_000), None, written));
        assert!(!is_known(&at(header::IF_MODIFIED_SINCE, 999), None, written));
        assert!(!is_another(&at(header::IF_UNMODIFIED_SINCE, 1_000), None, written));
        assert!(is_another(&at(header::IF_UNMODIFIED_SINCE, 999), None, written));

        let mut both = at(header::IF_MODIFIED_SINCE, 1_000);
        both.insert(header::IF_NONE_MATCH, HeaderValue::from_static("\"x\""));
        assert!(!is_known(&both, Some("\"a\""), written));
        assert!(!is_known(&headers(header::IF_MODIFIED_SINCE, "yesterday"), None, written));
    }
}
