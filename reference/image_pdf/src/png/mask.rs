use std::io::Write;

use flate2::write::ZlibEncoder;

use super::details::{Details, Transparency};
use super::filter::LEVEL;
use super::header::Head;
use crate::error::{Error, Result};
use crate::limits::Limits;
use crate::pdf::ColorKey;

/// How the transparency of an image without an alpha channel is said in a PDF.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Mask {
    Opaque,
    /// A range of native samples is transparent.
    Key(ColorKey),
    /// A mask is computed from the samples.
    Soft(Alpha),
}

/// The alpha of native samples.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Alpha {
    /// By palette index.
    Indexed(Vec<u8>),
    /// Zero where the big-endian 16-bit samples of a pixel equal these bytes.
    Key(Vec<u8>),
}

impl Mask {
    pub(super) fn of(head: &Head, details: &Details) -> Self {
        match &details.transparency {
            Transparency::None => Mask::Opaque,
            // Viewers compare a colour key after they have cut 16-bit samples to 8 bits.
            Transparency::Key(samples) if head.depth == 16 => {
                Mask::Soft(Alpha::Key(samples.iter().flat_map(|s| s.to_be_bytes()).collect()))
            }
            Transparency::Key(samples) => {
                Mask::Key(ColorKey(samples.iter().map(|s| (*s, *s)).collect()))
            }
            Transparency::Palette(alpha) => {
                if alpha.iter().all(|a| *a == 255) {
                    return Mask::Opaque;
                }
                match transparent_range(alpha) {
                    Some(range) => Mask::Key(ColorKey(vec![range])),
                    None => Mask::Soft(Alpha::Indexed(alpha.clone())),
                }
            }
        }
    }
}

/// The first and last index of the one run of fully transparent entries, if all others are opaque.
fn transparent_range(alpha: &[u8]) -> Option<(u16, u16)> {
    let first = alpha.iter().position(|a| *a == 0)?;
    let last = alpha.iter().rposition(|a| *a == 0)?;
    let one_run = alpha[first..=last].iter().all(|a| *a == 0)
        && alpha.iter().filter(|a| **a != 0).all(|a| *a == 255);
    Some((u16::try_from(first).ok()?, u16::try_from(last).ok()?)).filter(|_| one_run)
}

/// Compresses the alpha of successive rows, eight bits a pixel.
pub(super) struct MaskRows {
    alpha: Alpha,
    depth: usize,
    width: usize,
    deflate: ZlibEncoder<Vec<u8>>,
    row: Vec<u8>,
    limits: Limits,
}

impl MaskRows {
    pub(super) fn new(alpha: Alpha, head: &Head, limits: &Limits) -> Self {
        MaskRows {
            alpha,
            depth: usize::from(head.depth),
            width: head.width as usize,
            deflate: ZlibEncoder::new(Vec::new(), LEVEL),
            row: Vec::new(),
            limits: *limits,
        }
    }

    /// Takes the unfiltered samples of the next row.
    pub(super) fn row(&mut self, samples: &[u8]) -> Result<()> {
        self.row.clear();
        match &self.alpha {
            Alpha::Indexed(alpha) => {
                let of = |index: u8| alpha.get(usize::from(index)).copied().unwrap_or(255);
                self.row.extend(unpack(samples, self.depth, self.width).map(of));
            }
            Alpha::Key(key) => {
                let of = |pixel: &[u8]| if pixel == key.as_slice() { 0 } else { 255 };
                self.row.extend(samples.chunks_exact(key.len()).map(of));
            }
        }
        self.deflate.write_all(&self.row).map_err(Error::write)?;
        self.limits.check_decoded(self.deflate.get_ref().len() as u64)
    }

    pub(super) fn finish(self) -> Result<Vec<u8>> {
        self.deflate.finish().map_err(Error::write)
    }
}

/// The first `count` samples of `depth` bits, at most eight, of a row.
pub(super) fn unpack(row: &[u8], depth: usize, count: usize) -> impl Iterator<Item = u8> + '_ {
    let mask = u8::MAX >> (8 - depth);
    (0..count).map(move |index| {
        let bit = index * depth;
        row[bit / 8] >> (8 - depth - bit % 8) & mask
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_run_of_transparent_entries_is_a_range() {
        assert_eq!(transparent_range(&[255, 0, 0, 255]), Some((1, 2)));
        assert_eq!(transparent_range(&[0]), Some((0, 0)));
        assert_eq!(transparent_range(&[0, 255, 0]), None);
        assert_eq!(transparent_range(&[0, 128]), None);
        assert_eq!(transparent_range(&[255]), None);
    }

    #[test]
    fn samples_are_unpacked_from_the_high_bits() {
        assert_eq!(unpack(&[0b1101_0010], 2, 3).collect::<Vec<_>>(), [3, 1, 0]);
        assert_eq!(unpack(&[0xab, 0xc0], 4, 3).collect::<Vec<_>>(), [10, 11, 12]);
        assert_eq!(unpack(&[7, 9], 8, 2).collect::<Vec<_>>(), [7, 9]);
    }
}
