/// How many bytes are enough to tell every type of the table.
pub(crate) const NEEDED: usize = 16;

/// What a content begins with, and what it then is; `?` stands for any byte.
///
/// After the [MIME Sniffing Standard], sections 6.1 to 6.3, and only types that no browser runs:
/// taking a stranger's text for HTML or a script would be the hole that sniffing is known for.
///
/// [MIME Sniffing Standard]: https://mimesniff.spec.whatwg.org/#matching-an-image-type-pattern
const TABLE: [(&[u8], &str); 18] = [
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
    (b"RIFF????WEBP", "image/webp"),
    (b"RIFF????WAVE", "audio/wave"),
    (b"RIFF????AVI ", "video/avi"),
    (b"????ftypavif", "image/avif"),
    (b"????ftypheic", "image/heic"),
    (b"????ftyp", "video/mp4"),
    (b"II*\0", "image/tiff"),
    (b"MM\0*", "image/tiff"),
    (b"%PDF-", "application/pdf"),
    (b"PK\x03\x04", "application/zip"),
    (b"\x1f\x8b\x08", "application/gzip"),
    (b"OggS\0", "application/ogg"),
    (b"\x1aE\xdf\xa3", "video/webm"),
    (b"ID3", "audio/mpeg"),
];

/// The media type of a content by its first bytes, [`NEEDED`] of them if it has so many.
pub(crate) fn sniff(first: &[u8]) -> Option<&'static str> {
    let begins = |pattern: &[u8]| {
        let fits = |(byte, wanted): (&u8, &u8)| *wanted == b'?' || byte == wanted;
        first.len() >= pattern.len() && first.iter().zip(pattern).all(fits)
    };
    TABLE.iter().find(|(pattern, _)| begins(pattern)).map(|(_, media_type)| *media_type)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(first: &[u8], expected: Option<&str>) {
        assert_eq!(sniff(first), expected, "{}", first.escape_ascii());
    }

    #[test]
    fn tells_a_type_by_its_first_bytes_alone() {
        check(b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", Some("image/png"));
        check(b"RIFF\x24\0\0\0WEBPVP8 ", Some("image/webp"));
        check(b"RIFF\x24\0\0\0WAVEfmt ", Some("audio/wave"));
        check(b"\0\0\0\x20ftypavif\0\0\0\0", Some("image/avif"));
        check(b"\0\0\0\x20ftypisom\0\0\0\0", Some("video/mp4"));
        check(b"%PDF-1.7", Some("application/pdf"));
        check(b"\x89PNG", None);
        check(b"RIFF\x24\0\0\0", None);
        check(b"", None);
        check(b"<html><script>", None);
        check(b"<svg xmlns", None);
    }

    #[test]
    fn no_pattern_needs_more_than_is_read() {
        assert!(TABLE.iter().all(|(pattern, _)| pattern.len() <= NEEDED));
    }
}
