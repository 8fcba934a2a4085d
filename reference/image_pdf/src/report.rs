use std::fmt;

use crate::format::Format;

/// How the samples came into the PDF.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ConversionPath {
    /// The compressed stream of the source was copied; lossless. A mask may have been derived
    /// from it.
    PassThrough,
    /// Colour and alpha of a PNG were separated without decoding its filters; lossless.
    LaneSplit,
    /// The image was decoded and compressed again without loss.
    Reencoded,
    /// The image was compressed as a JPEG of the quality asked for.
    Lossy,
}

impl ConversionPath {
    /// The path as a lower-case word, for labels of logs and metrics.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            ConversionPath::PassThrough => "pass_through",
            ConversionPath::LaneSplit => "lane_split",
            ConversionPath::Reencoded => "reencoded",
            ConversionPath::Lossy => "lossy",
        }
    }
}

impl fmt::Display for ConversionPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What a conversion did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Report {
    pub(crate) format: Format,
    pub(crate) path: ConversionPath,
    pub(crate) width: u32,
    pub(crate) height: u32,
    pub(crate) input_bytes: u64,
    pub(crate) output_bytes: u64,
}

impl Report {
    /// The format of the source.
    #[must_use]
    pub fn format(&self) -> Format {
        self.format
    }

    /// How the samples came into the PDF.
    #[must_use]
    pub fn path(&self) -> ConversionPath {
        self.path
    }

    /// The number of pages, always one.
    #[must_use]
    pub fn pages(&self) -> u32 {
        1
    }

    /// The width of the image in the PDF, in pixels, as displayed: after orientation and resizing.
    #[must_use]
    pub fn width(&self) -> u32 {
        self.width
    }

    /// The height of the image in the PDF, in pixels, as displayed: after orientation and resizing.
    #[must_use]
    pub fn height(&self) -> u32 {
        self.height
    }

    /// The length of the source image, in bytes, without what follows its end marker.
    #[must_use]
    pub fn input_bytes(&self) -> u64 {
        self.input_bytes
    }

    /// The length of the PDF, in bytes.
    #[must_use]
    pub fn output_bytes(&self) -> u64 {
        self.output_bytes
    }
}
