use super::header::read_header;
use super::scan::Scans;
use crate::error::Result;
use crate::input::Input;
use crate::options::Options;
use crate::pdf::{Document, Filter, Image, Placed, write_profile};
use crate::report::ConversionPath;

/// Carries a JPEG into `document` with its coded data as it is.
pub(crate) fn embed(
    input: &mut Input<'_>,
    options: &Options,
    document: &mut Document<'_>,
) -> Result<Placed> {
    let mut header = read_header(input, options)?;
    let size = (header.frame.width, header.frame.height);
    let profile = header.profile.as_ref().map(|p| write_profile(document, p)).transpose()?;
    let picture = Image {
        width: size.0,
        height: size.1,
        bits: 8,
        space: header.space(),
        profile,
        filter: Filter::Dct { transform: header.transform() },
        key: None,
        soft_mask: None,
        metadata: None,
    };
    let image = document.reserve();
    document.begin_stream(image, &picture.dict())?;
    header.first_scan.write_to(&mut header.kept);
    document.bytes(&header.kept)?;
    let scans =
        Scans { frame: &header.frame, tables: &mut header.tables, strip: options.strip_metadata() };
    scans.copy(input, document, &header.first_scan)?;
    document.end_stream()?;
    Ok(Placed {
        image,
        path: ConversionPath::PassThrough,
        stored: size,
        source: size,
        density: header.density,
        orientation: header.orientation,
        has_soft_mask: false,
    })
}
