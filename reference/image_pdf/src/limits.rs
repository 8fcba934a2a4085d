use crate::error::{Error, Result};

/// Bounds that hold before memory is taken for an image.
///
/// The defaults let through what cameras and scanners produce and stop what only an attack
/// produces: 128 MiB of input, 256 megapixels, 256 MiB of decoded samples.
///
/// ```
/// use mcsv_image_pdf::Limits;
///
/// let limits = Limits::default().with_max_input_bytes(10 << 20).with_max_pixels(50_000_000);
/// assert_eq!(limits.max_pixels(), 50_000_000);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    max_input_bytes: u64,
    max_pixels: u64,
    max_decoded_bytes: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Limits { max_input_bytes: 128 << 20, max_pixels: 256_000_000, max_decoded_bytes: 256 << 20 }
    }
}

impl Limits {
    /// Sets how many bytes are read before the input is refused.
    #[must_use]
    pub fn with_max_input_bytes(mut self, bytes: u64) -> Self {
        self.max_input_bytes = bytes;
        self
    }

    /// Sets how many pixels, width times height, an image may declare.
    #[must_use]
    pub fn with_max_pixels(mut self, pixels: u64) -> Self {
        self.max_pixels = pixels;
        self
    }

    /// Sets how many bytes one buffer of decoded samples may take.
    ///
    /// Only the paths that decode take such a buffer: resizing, the lossy qualities, interlaced
    /// PNG, and the compressed transparency mask of a PNG. A lossy quality that would exceed the
    /// bound falls back to the lossless path; the others end in
    /// [`LimitExceeded`](crate::ErrorKind::LimitExceeded). The process can hold about three such
    /// buffers and two copies of the input at once.
    #[must_use]
    pub fn with_max_decoded_bytes(mut self, bytes: u64) -> Self {
        self.max_decoded_bytes = bytes;
        self
    }

    /// How many bytes are read before the input is refused.
    #[must_use]
    pub fn max_input_bytes(&self) -> u64 {
        self.max_input_bytes
    }

    /// How many pixels, width times height, an image may declare.
    #[must_use]
    pub fn max_pixels(&self) -> u64 {
        self.max_pixels
    }

    /// How many bytes one buffer of decoded samples may take.
    #[must_use]
    pub fn max_decoded_bytes(&self) -> u64 {
        self.max_decoded_bytes
    }

    pub(crate) fn check_pixels(&self, width: u32, height: u32) -> Result<()> {
        let pixels = u64::from(width) * u64::from(height);
        if pixels > self.max_pixels {
            return Err(Error::limit(format!(
                "image of {width} x {height} pixels: at most {} pixels are allowed",
                self.max_pixels
            )));
        }
        Ok(())
    }

    pub(crate) fn check_decoded(&self, bytes: u64) -> Result<()> {
        if bytes > self.max_decoded_bytes {
            return Err(Error::limit(format!(
                "image needs {bytes} bytes of memory: at most {} are allowed",
                self.max_decoded_bytes
            )));
        }
        Ok(())
    }
}
