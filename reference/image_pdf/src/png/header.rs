use crate::error::{Error, Result};
use crate::place::Place;

/// The colour type of an image (ISO/IEC 15948, 11.2.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Color {
    Gray,
    Rgb,
    Indexed,
    GrayAlpha,
    Rgba,
}

/// The image header, checked.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Head {
    pub(crate) width: u32,
    pub(crate) height: u32,
    /// Bits a sample: 1, 2, 4, 8 or 16, as the colour type allows.
    pub(crate) depth: u8,
    pub(crate) color: Color,
    pub(crate) interlaced: bool,
}

impl Head {
    pub(super) fn parse(body: &[u8; 13], place: Place) -> Result<Self> {
        let side =
            |at: usize| u32::from_be_bytes([body[at], body[at + 1], body[at + 2], body[at + 3]]);
        let (width, height) = (side(0), side(4));
        if width == 0 || height == 0 || width > i32::MAX as u32 || height > i32::MAX as u32 {
            return Err(Error::malformed(place, format_args!("size of {width} x {height} pixels")));
        }
        let [.., depth, color, compression, filter, interlace] = *body;
        let (color, depths): (_, &[u8]) = match color {
            0 => (Color::Gray, &[1, 2, 4, 8, 16]),
            2 => (Color::Rgb, &[8, 16]),
            3 => (Color::Indexed, &[1, 2, 4, 8]),
            4 => (Color::GrayAlpha, &[8, 16]),
            6 => (Color::Rgba, &[8, 16]),
            other => return Err(Error::malformed(place, format_args!("colour type {other}"))),
        };
        if !depths.contains(&depth) {
            return Err(Error::malformed(
                place,
                format_args!("{depth} bits a sample with colour type {}", body[9]),
            ));
        }
        for (name, value, most) in
            [("compression", compression, 0), ("filter", filter, 0), ("interlace", interlace, 1)]
        {
            if value > most {
                return Err(Error::malformed(place, format_args!("{name} method {value}")));
            }
        }
        Ok(Head { width, height, depth, color, interlaced: interlace == 1 })
    }

    /// Samples a pixel.
    pub(crate) fn channels(&self) -> u8 {
        match self.color {
            Color::Gray | Color::Indexed => 1,
            Color::GrayAlpha => 2,
            Color::Rgb => 3,
            Color::Rgba => 4,
        }
    }

    pub(super) fn bits_per_pixel(&self) -> u8 {
        self.channels() * self.depth
    }

    /// The distance that filters look back, in bytes.
    pub(super) fn filter_distance(&self) -> usize {
        usize::from(self.bits_per_pixel().div_ceil(8))
    }

    /// The bytes of a row of `width` pixels, without its filter byte.
    pub(super) fn row_bytes(&self, width: u32) -> u64 {
        (u64::from(width) * u64::from(self.bits_per_pixel())).div_ceil(8)
    }
}
