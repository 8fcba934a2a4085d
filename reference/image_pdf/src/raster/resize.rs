use fast_image_resize::images::Image;
use fast_image_resize::{PixelType, ResizeOptions, Resizer};

use super::{Kind, Raster};
use crate::error::{Error, Result};

impl Raster {
    /// The image scaled to `width` by `height` pixels with a Lanczos filter of three lobes.
    ///
    /// Colour is weighted by alpha, so what is hidden does not bleed into what is seen.
    pub(crate) fn resize(self, width: u32, height: u32) -> Result<Self> {
        let pixels = match self.kind {
            Kind::Gray => PixelType::U8,
            Kind::GrayAlpha => PixelType::U8x2,
            Kind::Rgb => PixelType::U8x3,
            Kind::Rgba | Kind::Cmyk => PixelType::U8x4,
        };
        let failed = |error: &dyn std::fmt::Display| {
            let (from_width, from_height) = (self.width, self.height);
            Error::limit(format!(
                "image of {from_width} x {from_height} pixels cannot be scaled: {error}"
            ))
        };
        let source = Image::from_vec_u8(self.width, self.height, self.data, pixels)
            .map_err(|error| failed(&error))?;
        let mut target = Image::new(width, height, pixels);
        let options = ResizeOptions::new().use_alpha(self.kind.has_alpha());
        Resizer::new().resize(&source, &mut target, &options).map_err(|error| failed(&error))?;
        Ok(Raster::new(width, height, self.kind, target.into_vec()))
    }
}
