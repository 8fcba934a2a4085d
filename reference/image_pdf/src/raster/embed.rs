use super::{Kind, Raster};
use crate::error::{Error, Result};
use crate::icc::Profile;
use crate::orientation::Orientation;
use crate::page_size::Density;
use crate::pdf::{
    Document, Filter, Image, Placed, Space, Transform, write_metadata, write_profile,
};
use crate::png::FilteredRows;
use crate::report::ConversionPath;

/// How to compress a raster.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Coding {
    Deflate,
    /// A JPEG of this quality, 1 to 100.
    Jpeg(u8),
    /// A JPEG of this quality, or deflate where that is smaller.
    Smaller(u8),
}

/// What goes with the samples.
pub(crate) struct Setting {
    pub(crate) profile: Option<Profile>,
    pub(crate) xmp: Option<Vec<u8>>,
    pub(crate) density: Option<Density>,
    pub(crate) orientation: Orientation,
    /// The size in pixels before scaling.
    pub(crate) source: (u32, u32),
}

/// Writes a raster as the image of `document`.
pub(crate) fn embed(
    raster: Raster,
    coding: Coding,
    setting: &Setting,
    document: &mut Document<'_>,
) -> Result<Placed> {
    let profile = setting.profile.as_ref().map(|p| write_profile(document, p)).transpose()?;
    let metadata = setting.xmp.as_ref().map(|xmp| write_metadata(document, xmp)).transpose()?;
    let stored = raster.size();
    let (color, alpha) = raster.split_alpha();
    let soft_mask = match alpha {
        None => None,
        Some(alpha) => {
            let id = document.reserve();
            let data = alpha.deflated()?;
            document.begin_stream(id, &alpha.dict(Filter::Png { colors: 1 }).dict())?;
            document.bytes(&data)?;
            document.end_stream()?;
            Some(id)
        }
    };
    let (path, data, filter) = color.compressed(coding)?;
    let image = document.reserve();
    let dict = Image { profile, soft_mask, metadata, ..color.dict(filter) };
    document.begin_stream(image, &dict.dict())?;
    document.bytes(&data)?;
    document.end_stream()?;
    Ok(Placed {
        image,
        path,
        stored,
        source: setting.source,
        density: setting.density,
        orientation: setting.orientation,
        has_soft_mask: soft_mask.is_some(),
    })
}

impl Raster {
    fn compressed(&self, coding: Coding) -> Result<(ConversionPath, Vec<u8>, Filter)> {
        let jpeg = match coding {
            Coding::Deflate => None,
            Coding::Jpeg(quality) | Coding::Smaller(quality) => self.to_jpeg(quality)?,
        };
        let lossy =
            |data| (ConversionPath::Lossy, data, Filter::Dct { transform: Transform::Unsaid });
        let jpeg = match (jpeg, coding) {
            (Some(jpeg), Coding::Jpeg(_)) => return Ok(lossy(jpeg)),
            (jpeg, _) => jpeg,
        };
        let deflated = self.deflated()?;
        if let Some(jpeg) = jpeg.filter(|jpeg| jpeg.len() < deflated.len()) {
            return Ok(lossy(jpeg));
        }
        let filter = Filter::Png { colors: self.kind.channels() as u8 };
        Ok((ConversionPath::Reencoded, deflated, filter))
    }

    fn deflated(&self) -> Result<Vec<u8>> {
        let channels = self.kind.channels();
        let mut rows = FilteredRows::new(Vec::new(), channels as u8, 8);
        for row in self.data.chunks_exact(self.width as usize * channels) {
            rows.row(row).map_err(Error::write)?;
        }
        rows.finish().map_err(Error::write)
    }

    fn dict(&self, filter: Filter) -> Image {
        Image {
            width: self.width,
            height: self.height,
            bits: 8,
            space: match (self.kind, filter) {
                (Kind::Gray | Kind::GrayAlpha, _) => Space::Gray,
                (Kind::Rgb | Kind::Rgba, _) => Space::Rgb,
                (Kind::Cmyk, Filter::Dct { .. }) => Space::InvertedCmyk,
                (Kind::Cmyk, _) => Space::Cmyk,
            },
            profile: None,
            filter,
            key: None,
            soft_mask: None,
            metadata: None,
        }
    }
}
