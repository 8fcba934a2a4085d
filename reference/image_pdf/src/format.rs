use std::fmt;

pub(crate) const PNG_SIGNATURE: [u8; 8] = *b"\x89PNG\r\n\x1a\n";

/// How many bytes [`sniff`] looks at.
pub(crate) const SNIFF_BYTES: usize = 8;

/// An image format that can become a PDF.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Format {
    /// Portable Network Graphics, ISO/IEC 15948.
    Png,
    /// JPEG, ITU-T T.81: baseline, extended and progressive, eight bits a sample.
    Jpeg,
}

impl Format {
    /// The media type, such as `image/png`.
    #[must_use]
    pub fn media_type(self) -> &'static str {
        match self {
            Format::Png => "image/png",
            Format::Jpeg => "image/jpeg",
        }
    }

    /// The usual file name extension without a dot, such as `jpg`.
    #[must_use]
    pub fn extension(self) -> &'static str {
        match self {
            Format::Png => "png",
            Format::Jpeg => "jpg",
        }
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Format::Png => "png",
            Format::Jpeg => "jpeg",
        })
    }
}

/// Tells the format from the first bytes of a file; eight are enough.
///
/// ```
/// use mcsv_image_pdf::{Format, sniff};
///
/// assert_eq!(sniff(b"\xff\xd8\xff\xe0\x00\x10JF"), Some(Format::Jpeg));
/// assert_eq!(sniff(b"%PDF-1.7"), None);
/// ```
#[must_use]
pub fn sniff(start: &[u8]) -> Option<Format> {
    if start.starts_with(&PNG_SIGNATURE) {
        return Some(Format::Png);
    }
    start.starts_with(&[0xff, 0xd8, 0xff]).then_some(Format::Jpeg)
}
