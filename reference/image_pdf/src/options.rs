use crate::limits::Limits;
use crate::max_size::MaxSize;
use crate::quality::Quality;

/// What to do with metadata that does not change how the image looks.
///
/// In a JPEG these are the EXIF, XMP, IPTC, comment and unknown application segments and an
/// embedded thumbnail; in a PNG the text, time, EXIF and unknown chunks. The colour profile, the
/// orientation and the resolution are no metadata in this sense: they take effect either way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum Strip {
    /// Drop all of it. The default, because a photo's EXIF can hold a place and a name.
    #[default]
    All,
    /// Keep what the path can carry: a JPEG that is passed through keeps every byte of its
    /// stream, and an XMP packet of any other image becomes the PDF image's metadata stream.
    Nothing,
}

/// How to convert.
///
/// ```
/// use mcsv_image_pdf::{Limits, MaxSize, Options, Quality, Strip};
///
/// let options = Options::new()
///     .with_quality(Quality::High)
///     .with_max_size(MaxSize::new(2000, 2000))
///     .with_strip_metadata(Strip::All)
///     .with_limits(Limits::default().with_max_input_bytes(20 << 20))
///     .with_title("holiday.jpg");
/// assert_eq!(options.title(), Some("holiday.jpg"));
/// ```
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct Options {
    quality: Quality,
    max_size: MaxSize,
    strip: Strip,
    limits: Limits,
    title: Option<String>,
}

impl Options {
    /// Medium quality, no resizing, metadata stripped, default limits, no title.
    #[must_use]
    pub fn new() -> Self {
        Options::default()
    }

    /// Sets how much may be given up for size.
    #[must_use]
    pub fn with_quality(mut self, quality: Quality) -> Self {
        self.quality = quality;
        self
    }

    /// Sets the box, in displayed pixels, to scale a larger image down to.
    #[must_use]
    pub fn with_max_size(mut self, max_size: MaxSize) -> Self {
        self.max_size = max_size;
        self
    }

    /// Sets what to do with metadata.
    #[must_use]
    pub fn with_strip_metadata(mut self, strip: Strip) -> Self {
        self.strip = strip;
        self
    }

    /// Sets the bounds on the input.
    #[must_use]
    pub fn with_limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// Sets the title in the PDF's document information.
    #[must_use]
    pub fn with_title(mut self, title: impl Into<String>) -> Self {
        self.title = Some(title.into());
        self
    }

    /// How much may be given up for size.
    #[must_use]
    pub fn quality(&self) -> Quality {
        self.quality
    }

    /// The box to scale a larger image down to.
    #[must_use]
    pub fn max_size(&self) -> MaxSize {
        self.max_size
    }

    /// What to do with metadata.
    #[must_use]
    pub fn strip_metadata(&self) -> Strip {
        self.strip
    }

    /// The bounds on the input.
    #[must_use]
    pub fn limits(&self) -> &Limits {
        &self.limits
    }

    /// The title in the PDF's document information.
    #[must_use]
    pub fn title(&self) -> Option<&str> {
        self.title.as_deref()
    }
}
