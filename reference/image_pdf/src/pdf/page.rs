use super::text::{number, text_string};
use super::{Document, Ref};
use crate::error::Result;
use crate::orientation::Orientation;
use crate::page_size::{self, Density};
use crate::report::ConversionPath;

/// An image that was written and now needs its page.
#[derive(Debug)]
pub(crate) struct Placed {
    pub(crate) image: Ref,
    pub(crate) path: ConversionPath,
    /// The size of the image in the PDF, in pixels, before orientation.
    pub(crate) stored: (u32, u32),
    /// The size of the source in pixels, to which the density refers.
    pub(crate) source: (u32, u32),
    pub(crate) density: Option<Density>,
    pub(crate) orientation: Orientation,
    pub(crate) has_soft_mask: bool,
}

impl Placed {
    /// The size in pixels as displayed.
    pub(crate) fn displayed(&self) -> (u32, u32) {
        self.orientation.turn(self.stored)
    }

    /// The size of the page in points, as displayed. With a density, scaling the image down
    /// leaves the page as large as the source's.
    fn points(&self) -> (f64, f64) {
        let (width, height) = if self.density.is_some() { self.source } else { self.stored };
        self.orientation.turn(page_size::points(width, height, self.density))
    }
}

/// Writes the page that shows `placed`, the catalog and the trailer.
///
/// All of these come after the image, so a conversion that fails leaves nothing that opens.
pub(crate) fn finish(
    document: &mut Document<'_>,
    placed: &Placed,
    title: Option<&str>,
) -> Result<()> {
    let (width, height) = placed.points();
    let matrix = placed.orientation.matrix(width, height).map(number).join(" ");
    let (width, height) = (number(width), number(height));
    let content = document.reserve();
    document.begin_stream(content, "")?;
    document.bytes(format!("q {matrix} cm /Image Do Q").as_bytes())?;
    document.end_stream()?;

    let (pages, page) = (document.reserve(), document.reserve());
    let group = match placed.has_soft_mask {
        true => " /Group <</S /Transparency /CS /DeviceRGB>>",
        false => "",
    };
    document.object(
        page,
        &format!(
            "<</Type /Page /Parent {pages} /MediaBox [0 0 {width} {height}] \
             /Resources <</XObject <</Image {}>>>> /Contents {content}{group}>>",
            placed.image
        ),
    )?;
    document.object(pages, &format!("<</Type /Pages /Kids [{page}] /Count 1>>"))?;
    let info = document.reserve();
    let title = title.map(|title| format!("/Title {} ", text_string(title))).unwrap_or_default();
    document.object(info, &format!("<<{title}/Producer (mcsv-image-pdf)>>"))?;
    let catalog = document.reserve();
    document.object(catalog, &format!("<</Type /Catalog /Pages {pages}>>"))?;
    document.finish(catalog, info)
}
