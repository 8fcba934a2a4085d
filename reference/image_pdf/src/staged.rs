//! Conversions that need the whole image in memory: lossy and scaled ones.

use crate::error::Result;
use crate::format::Format;
use crate::input::Input;
use crate::jpeg;
use crate::options::Options;
use crate::orientation::Orientation;
use crate::pdf::{Document, Placed, finish};
use crate::png;
use crate::raster::{self, Coding, Raster, Setting};

/// A finished PDF of one page.
pub(crate) struct Page {
    pub(crate) placed: Placed,
    pub(crate) pdf: Vec<u8>,
}

/// Converts an image that has been read into memory. Also tells where its last byte is.
pub(crate) fn convert(file: &[u8], format: Format, options: &Options) -> Result<(Page, u64)> {
    let plan = plan(file, format, options)?;
    if let Some((width, height)) = plan.scale {
        let length = plan.length.map_or_else(|| jpeg_length(file, options), Ok)?;
        let page = compressed(file, format, options, plan.scaled_coding(options), |raster| {
            raster.resize(width, height)
        })?;
        return Ok((page, length));
    }
    let (lossless, length) = lossless(file, format, options)?;
    let Some(quality) = plan.lossy else { return Ok((lossless, length)) };
    match compressed(file, format, options, Coding::Jpeg(quality), Ok) {
        Ok(lossy) if lossy.pdf.len() < lossless.pdf.len() => Ok((lossy, length)),
        Ok(_) => Ok((lossless, length)),
        Err(error) => {
            tracing::debug!(%error, "image cannot be re-encoded, passed on as it is");
            Ok((lossless, length))
        }
    }
}

/// What the headers of an image leave to do.
struct Plan {
    /// The stored size to scale to.
    scale: Option<(u32, u32)>,
    /// The JPEG quality, if it is worth a try.
    lossy: Option<u8>,
    format: Format,
    /// Where the image ends, if the headers tell.
    length: Option<u64>,
}

impl Plan {
    fn scaled_coding(&self, options: &Options) -> Coding {
        match (options.quality().jpeg(), self.format) {
            (None, _) => Coding::Deflate,
            (Some(quality), Format::Jpeg) => Coding::Jpeg(quality),
            (Some(quality), _) => Coding::Smaller(quality),
        }
    }
}

fn plan(file: &[u8], format: Format, options: &Options) -> Result<Plan> {
    let mut reader = file;
    let mut input = Input::new(&mut reader, options.limits());
    let fit = |(width, height), orientation: Orientation| {
        let (shown_width, shown_height) = orientation.turn((width, height));
        let fitted = options.max_size().fit(shown_width, shown_height)?;
        Some(orientation.turn(fitted))
    };
    let quality = options.quality().jpeg();
    match format {
        Format::Png => {
            let image = png::survey(&mut input, options)?;
            Ok(Plan {
                scale: fit((image.width, image.height), image.orientation),
                // Drawings of few tones are smaller and sharper as they are.
                lossy: quality.filter(|_| image.depth >= 8),
                format,
                length: Some(input.position()),
            })
        }
        Format::Jpeg => {
            let header = jpeg::read_header(&mut input, options)?;
            let size = (header.frame.width, header.frame.height);
            Ok(Plan {
                scale: fit(size, header.orientation),
                lossy: quality.filter(|quality| header.is_finer_than(*quality)),
                format,
                length: None,
            })
        }
    }
}

/// The image with every sample as it is.
fn lossless(mut file: &[u8], format: Format, options: &Options) -> Result<(Page, u64)> {
    let mut input = Input::new(&mut file, options.limits());
    let page = page(options, |document| match format {
        Format::Png => png::embed(&mut input, options, document),
        Format::Jpeg => jpeg::embed(&mut input, options, document),
    })?;
    Ok((page, input.position()))
}

/// Checks the structure of a JPEG, which its decoder would overlook, and tells where it ends.
fn jpeg_length(mut file: &[u8], options: &Options) -> Result<u64> {
    let mut input = Input::new(&mut file, options.limits());
    let mut sink = std::io::sink();
    jpeg::embed(&mut input, options, &mut Document::new(&mut sink)?)?;
    Ok(input.position())
}

/// The image decoded, changed and compressed anew.
fn compressed(
    file: &[u8],
    format: Format,
    options: &Options,
    coding: Coding,
    change: impl FnOnce(Raster) -> Result<Raster>,
) -> Result<Page> {
    let mut reader = file;
    let mut input = Input::new(&mut reader, options.limits());
    let (raster, setting) = match format {
        Format::Png => {
            let (raster, details) = png::decode(&mut input, options)?;
            let setting = Setting {
                profile: details.profile,
                xmp: details.xmp,
                density: details.density,
                orientation: details.orientation.unwrap_or_default(),
                source: raster.size(),
            };
            (raster, setting)
        }
        Format::Jpeg => {
            let header = jpeg::read_header(&mut input, options)?;
            let raster = jpeg::decode(file, &header, options.limits())?;
            let setting = Setting {
                profile: header.profile,
                xmp: header.xmp,
                density: header.density,
                orientation: header.orientation,
                source: raster.size(),
            };
            (raster, setting)
        }
    };
    let raster = change(raster)?;
    page(options, |document| raster::embed(raster, coding, &setting, document))
}

fn page(
    options: &Options,
    embed: impl FnOnce(&mut Document<'_>) -> Result<Placed>,
) -> Result<Page> {
    let mut pdf = Vec::new();
    let mut document = Document::new(&mut pdf)?;
    let placed = embed(&mut document)?;
    finish(&mut document, &placed, options.title())?;
    Ok(Page { placed, pdf })
}
