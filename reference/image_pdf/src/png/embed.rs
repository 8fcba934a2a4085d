use std::io::Write;

use super::file::File;
use super::filter::FilteredRows;
use super::header::{Color, Head};
use super::interlace::Weave;
use super::mask::{Alpha, Mask, MaskRows};
use super::rows::{Checked, Whole};
use super::split::Split;
use super::unfilter::Unfilter;
use crate::error::{Error, Result};
use crate::input::Input;
use crate::options::Options;
use crate::pdf::{Document, Filter, Image, Placed, Ref, Space, write_metadata, write_profile};
use crate::report::ConversionPath;

/// Carries a PNG into `document` with every sample as it is.
///
/// Gray, RGB and palette images pass through, alpha is split off, and interlaced images, which
/// a PDF does not know, are put in order and compressed again.
pub(crate) fn embed(
    input: &mut Input<'_>,
    options: &Options,
    document: &mut Document<'_>,
) -> Result<Placed> {
    let mut file = File::open(input, options)?;
    let head = file.head;
    let has_alpha = matches!(head.color, Color::GrayAlpha | Color::Rgba);
    let mask = if has_alpha { Mask::Opaque } else { Mask::of(&head, &file.details) };
    let soft_mask = (has_alpha || matches!(mask, Mask::Soft(_))).then(|| document.reserve());

    let profile = file.details.profile.as_ref().map(|p| write_profile(document, p)).transpose()?;
    let metadata = file.details.xmp.as_ref().map(|x| write_metadata(document, x)).transpose()?;
    let colors = head.channels() - u8::from(has_alpha);
    let mut picture = Image {
        width: head.width,
        height: head.height,
        bits: head.depth,
        space: match head.color {
            Color::Gray | Color::GrayAlpha => Space::Gray,
            Color::Rgb | Color::Rgba => Space::Rgb,
            Color::Indexed => Space::Indexed(std::mem::take(&mut file.details.palette)),
        },
        profile,
        filter: Filter::Png { colors },
        key: None,
        soft_mask,
        metadata,
    };
    let alpha = match mask {
        Mask::Soft(alpha) => Some(alpha),
        Mask::Key(key) => {
            picture.key = Some(key);
            None
        }
        Mask::Opaque => None,
    };

    let image = document.reserve();
    let job = Job { input, options, document, image, dict: picture.dict() };
    let (path, mask_data) = if head.interlaced {
        (ConversionPath::Reencoded, job.reencode(&mut file, alpha)?)
    } else if has_alpha {
        (ConversionPath::LaneSplit, job.split(&mut file)?)
    } else {
        (ConversionPath::PassThrough, job.pass_through(&mut file, alpha)?)
    };
    if let Some(id) = soft_mask {
        let mask = if has_alpha { alpha_mask(&head) } else { computed_mask(&head) };
        write_mask(document, id, &mask, &mask_data)?;
    }
    Ok(Placed {
        image,
        path,
        stored: (head.width, head.height),
        source: (head.width, head.height),
        density: file.details.density,
        orientation: file.details.orientation.unwrap_or_default(),
        has_soft_mask: soft_mask.is_some(),
    })
}

/// The pieces that every path needs. Each path writes the image's stream and returns the
/// compressed mask, if there is one.
struct Job<'a, 'r, 'w> {
    input: &'a mut Input<'r>,
    options: &'a Options,
    document: &'a mut Document<'w>,
    image: Ref,
    dict: String,
}

impl Job<'_, '_, '_> {
    fn pass_through(self, file: &mut File, alpha: Option<Alpha>) -> Result<Vec<u8>> {
        let Job { input, options, document, image, dict } = self;
        document.begin_stream(image, &dict)?;
        let copy = &mut |bytes: &[u8]| document.bytes(bytes);
        let mask = match alpha {
            None => {
                file.read_data(input, &mut Checked, copy)?;
                Vec::new()
            }
            Some(alpha) => {
                let head = file.head;
                options.limits().check_decoded(head.row_bytes(head.width))?;
                let mut unfilter = Unfilter::new(head.filter_distance());
                let mut mask = MaskRows::new(alpha, &head, options.limits());
                let mut sink = Whole::new(|pass, row| mask.row(unfilter.row(pass, row)));
                file.read_data(input, &mut sink, copy)?;
                mask.finish()?
            }
        };
        document.end_stream()?;
        Ok(mask)
    }

    fn split(self, file: &mut File) -> Result<Vec<u8>> {
        let Job { input, options, document, image, dict } = self;
        let head = file.head;
        options.limits().check_decoded(head.row_bytes(head.width))?;
        document.begin_stream(image, &dict)?;
        let mut split = Split::new(document, &head, options.limits());
        let mut sink = Whole::new(|pass, row| split.row(pass, row));
        file.read_data(input, &mut sink, &mut |_| Ok(()))?;
        let mask = split.finish()?;
        document.end_stream()?;
        Ok(mask)
    }

    fn reencode(self, file: &mut File, alpha: Option<Alpha>) -> Result<Vec<u8>> {
        let Job { input, options, document, image, dict } = self;
        let head = file.head;
        let pixels = deinterlaced(input, options, file)?;
        let rows = || pixels.chunks_exact(head.row_bytes(head.width) as usize);
        document.begin_stream(image, &dict)?;
        let mask = match head.color {
            Color::GrayAlpha | Color::Rgba => {
                let (pixel, sample) = (head.filter_distance(), usize::from(head.depth / 8));
                let color = pixel - sample;
                deflate(
                    &mut *document,
                    head.channels() - 1,
                    &head,
                    rows().map(|row| {
                        row.chunks_exact(pixel).flat_map(|p| &p[..color]).copied().collect()
                    }),
                )?;
                deflate(
                    Vec::new(),
                    1,
                    &head,
                    rows().map(|row| {
                        row.chunks_exact(pixel).flat_map(|p| &p[color..]).copied().collect()
                    }),
                )?
            }
            _ => {
                deflate(&mut *document, head.channels(), &head, rows().map(<[u8]>::to_vec))?;
                let mut mask = alpha.map(|alpha| MaskRows::new(alpha, &head, options.limits()));
                rows().try_for_each(|row| mask.as_mut().map_or(Ok(()), |mask| mask.row(row)))?;
                mask.map_or(Ok(Vec::new()), MaskRows::finish)?
            }
        };
        document.end_stream()?;
        Ok(mask)
    }
}

/// Reads an interlaced image into memory, its rows in order.
pub(super) fn deinterlaced(
    input: &mut Input<'_>,
    options: &Options,
    file: &mut File,
) -> Result<Vec<u8>> {
    let head = file.head;
    options.limits().check_decoded(head.row_bytes(head.width) * u64::from(head.height))?;
    let mut weave = Weave::new(&head);
    let mut unfilter = Unfilter::new(head.filter_distance());
    let mut sink = Whole::new(|pass, row| {
        weave.row(pass, unfilter.row(pass, row));
        Ok(())
    });
    file.read_data(input, &mut sink, &mut |_| Ok(()))?;
    Ok(weave.into_pixels())
}

fn deflate<W: Write>(
    out: W,
    channels: u8,
    head: &Head,
    rows: impl Iterator<Item = Vec<u8>>,
) -> Result<W> {
    let mut filtered = FilteredRows::new(out, channels, head.depth);
    for row in rows {
        filtered.row(&row).map_err(Error::write)?;
    }
    filtered.finish().map_err(Error::write)
}

/// The mask of an image with an alpha channel.
fn alpha_mask(head: &Head) -> Image {
    mask_image(head, head.depth, Filter::Png { colors: 1 })
}

/// The mask that [`MaskRows`] computes.
fn computed_mask(head: &Head) -> Image {
    mask_image(head, 8, Filter::Flate)
}

fn mask_image(head: &Head, bits: u8, filter: Filter) -> Image {
    Image {
        width: head.width,
        height: head.height,
        bits,
        space: Space::Gray,
        profile: None,
        filter,
        key: None,
        soft_mask: None,
        metadata: None,
    }
}

fn write_mask(document: &mut Document<'_>, id: Ref, mask: &Image, data: &[u8]) -> Result<()> {
    document.begin_stream(id, &mask.dict())?;
    document.bytes(data)?;
    document.end_stream()
}
