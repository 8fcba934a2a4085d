use std::io::Write;

use flate2::write::ZlibEncoder;

use super::filter::LEVEL;
use super::header::Head;
use super::rows::Pass;
use crate::error::{Error, Result};
use crate::limits::Limits;
use crate::pdf::Document;

/// Takes colour and alpha apart in rows that stay filtered.
///
/// A PNG filter predicts each byte from the same byte of neighbouring pixels only, so dropping
/// the alpha bytes of a filtered row leaves a validly filtered row of colour, and the reverse.
pub(super) struct Split<'d, 'w> {
    color: ZlibEncoder<&'d mut Document<'w>>,
    alpha: ZlibEncoder<Vec<u8>>,
    pixel_bytes: usize,
    sample_bytes: usize,
    color_row: Vec<u8>,
    alpha_row: Vec<u8>,
    limits: Limits,
}

impl<'d, 'w> Split<'d, 'w> {
    pub(super) fn new(document: &'d mut Document<'w>, head: &Head, limits: &Limits) -> Self {
        Split {
            color: ZlibEncoder::new(document, LEVEL),
            alpha: ZlibEncoder::new(Vec::new(), LEVEL),
            pixel_bytes: head.filter_distance(),
            sample_bytes: usize::from(head.depth / 8),
            color_row: Vec::new(),
            alpha_row: Vec::new(),
            limits: *limits,
        }
    }

    pub(super) fn row(&mut self, _: &Pass, filtered: &[u8]) -> Result<()> {
        let Some((filter, bytes)) = filtered.split_first() else { return Ok(()) };
        self.color_row.clear();
        self.alpha_row.clear();
        self.color_row.push(*filter);
        self.alpha_row.push(*filter);
        let rows = (&mut self.color_row, &mut self.alpha_row);
        match (self.pixel_bytes, self.sample_bytes) {
            (2, 1) => deal::<2, 1>(bytes, rows),
            (4, 1) => deal::<4, 3>(bytes, rows),
            (4, 2) => deal::<4, 2>(bytes, rows),
            _ => deal::<8, 6>(bytes, rows),
        }
        self.color.write_all(&self.color_row).map_err(Error::write)?;
        self.alpha.write_all(&self.alpha_row).map_err(Error::write)?;
        self.limits.check_decoded(self.alpha.get_ref().len() as u64)
    }

    /// Ends the colour stream and returns the compressed alpha.
    pub(super) fn finish(self) -> Result<Vec<u8>> {
        self.color.finish().map_err(Error::write)?;
        self.alpha.finish().map_err(Error::write)
    }
}

/// Deals pixels of `PIXEL` bytes: the first `COLOR` to one row, the rest to the other.
fn deal<const PIXEL: usize, const COLOR: usize>(
    bytes: &[u8],
    (color, alpha): (&mut Vec<u8>, &mut Vec<u8>),
) {
    let (pixels, _) = bytes.as_chunks::<PIXEL>();
    for pixel in pixels {
        color.extend_from_slice(&pixel[..COLOR]);
        alpha.extend_from_slice(&pixel[COLOR..]);
    }
}
