//! Decoded images of eight bits a sample: scaling them and writing them.

mod embed;
mod jpeg;
mod resize;

pub(crate) use embed::{Coding, Setting, embed};

/// The channels of a pixel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Gray,
    GrayAlpha,
    Rgb,
    Rgba,
    /// Amounts of ink.
    Cmyk,
}

impl Kind {
    /// Samples a pixel.
    pub(crate) fn channels(self) -> usize {
        match self {
            Kind::Gray => 1,
            Kind::GrayAlpha => 2,
            Kind::Rgb => 3,
            Kind::Rgba | Kind::Cmyk => 4,
        }
    }

    /// The bytes of an image of this kind.
    pub(crate) fn bytes(self, width: u32, height: u32) -> u64 {
        u64::from(width) * u64::from(height) * self.channels() as u64
    }

    fn has_alpha(self) -> bool {
        matches!(self, Kind::GrayAlpha | Kind::Rgba)
    }

    /// The same colour without alpha.
    fn opaque(self) -> Kind {
        match self {
            Kind::GrayAlpha => Kind::Gray,
            Kind::Rgba => Kind::Rgb,
            other => other,
        }
    }
}

/// An image in memory.
#[derive(Debug)]
pub(crate) struct Raster {
    width: u32,
    height: u32,
    kind: Kind,
    data: Vec<u8>,
}

impl Raster {
    /// Pixels row by row; there must be exactly `width` times `height` of them.
    pub(crate) fn new(width: u32, height: u32, kind: Kind, data: Vec<u8>) -> Self {
        debug_assert_eq!(kind.bytes(width, height), data.len() as u64);
        Raster { width, height, kind, data }
    }

    pub(crate) fn size(&self) -> (u32, u32) {
        (self.width, self.height)
    }

    #[cfg(test)]
    pub(crate) fn data(&self) -> &[u8] {
        &self.data
    }

    /// The image without its alpha channel if that is opaque throughout.
    pub(crate) fn without_opaque_alpha(self) -> Self {
        let channels = self.kind.channels();
        let is_opaque = |pixel: &[u8]| pixel[channels - 1] == 255;
        if self.kind.has_alpha() && self.data.chunks_exact(channels).all(is_opaque) {
            return self.split_alpha().0;
        }
        self
    }

    /// Colour and alpha as images of their own.
    fn split_alpha(self) -> (Self, Option<Self>) {
        if !self.kind.has_alpha() {
            return (self, None);
        }
        let Raster { width, height, kind, data } = self;
        let colors = kind.channels() - 1;
        let mut color = Vec::with_capacity(data.len() / (colors + 1) * colors);
        let mut alpha = Vec::with_capacity(data.len() / (colors + 1));
        for pixel in data.chunks_exact(colors + 1) {
            color.extend_from_slice(&pixel[..colors]);
            alpha.push(pixel[colors]);
        }
        let color = Raster::new(width, height, kind.opaque(), color);
        (color, Some(Raster::new(width, height, Kind::Gray, alpha)))
    }
}
