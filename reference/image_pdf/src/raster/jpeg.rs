use jpeg_encoder::{ColorType, Encoder, SamplingFactor};

use super::{Kind, Raster};
use crate::error::{Error, Result};

/// From this quality on colour keeps its full resolution.
const FULL_COLOR: u8 = 90;

impl Raster {
    /// The image as a JPEG of `quality` 1 to 100, or `None` where JPEG has no such size.
    ///
    /// The image must not have alpha. CMYK is stored the way Adobe does, inverted.
    pub(super) fn to_jpeg(&self, quality: u8) -> Result<Option<Vec<u8>>> {
        let (Ok(width), Ok(height)) = (u16::try_from(self.width), u16::try_from(self.height))
        else {
            return Ok(None);
        };
        let color = match self.kind {
            Kind::Gray => ColorType::Luma,
            Kind::Rgb => ColorType::Rgb,
            Kind::Cmyk => ColorType::CmykAsYcck,
            Kind::GrayAlpha | Kind::Rgba => return Ok(None),
        };
        let mut out = Vec::new();
        // Tables made for the image would be a little smaller, but this encoder then gives each
        // component a scan of its own, which some decoders get wrong.
        let mut encoder = Encoder::new(&mut out, quality);
        encoder.set_sampling_factor(match quality {
            FULL_COLOR.. => SamplingFactor::R_4_4_4,
            _ => SamplingFactor::R_4_2_0,
        });
        encoder
            .encode(&self.data, width, height, color)
            .map_err(|error| Error::write(std::io::Error::other(error.to_string())))?;
        Ok(Some(out))
    }
}
