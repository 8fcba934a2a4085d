use std::fmt;
use std::str::FromStr;

use crate::error::Error;

/// How much of the image may be given up for a smaller PDF.
///
/// A lossy quality is a permission, not an order: the image is re-encoded only where that makes
/// the PDF smaller than carrying the source as it is, and a JPEG only where its own quantisation
/// is finer than the one asked for.
///
/// ```
/// use mcsv_image_pdf::Quality;
///
/// assert_eq!("high".parse::<Quality>()?, Quality::High);
/// assert_eq!("".parse::<Quality>()?, Quality::Medium);
/// # Ok::<(), mcsv_image_pdf::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum Quality {
    /// JPEG quality 60, colour at half resolution.
    Low,
    /// JPEG quality 85, colour at half resolution. The default.
    #[default]
    Medium,
    /// JPEG quality 92, colour at full resolution.
    High,
    /// Every sample as in the source.
    Lossless,
}

impl Quality {
    /// The word that [`FromStr`] reads.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Quality::Low => "low",
            Quality::Medium => "medium",
            Quality::High => "high",
            Quality::Lossless => "lossless",
        }
    }

    /// The JPEG quality, 1 to 100, or `None` for lossless.
    pub(crate) fn jpeg(self) -> Option<u8> {
        match self {
            Quality::Low => Some(60),
            Quality::Medium => Some(85),
            Quality::High => Some(92),
            Quality::Lossless => None,
        }
    }
}

impl fmt::Display for Quality {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Reads `low`, `medium`, `high` or `lossless`; the empty string is the default, `medium`.
///
/// # Errors
/// [`InvalidOption`](crate::ErrorKind::InvalidOption) for any other word.
impl FromStr for Quality {
    type Err = Error;

    fn from_str(word: &str) -> Result<Self, Error> {
        Ok(match word {
            "low" => Quality::Low,
            "medium" | "" => Quality::Medium,
            "high" => Quality::High,
            "lossless" => Quality::Lossless,
            other => {
                let shown: String = other.chars().take(32).collect();
                return Err(Error::option(format!(
                    "quality {shown:?}: choose low, medium, high or lossless"
                )));
            }
        })
    }
}
