use super::details::{Details, Transparency};
use super::header::{Color, Head};
use super::mask::unpack;
use crate::raster::Kind;

/// Turns native rows of any colour type into samples of eight bits.
pub(super) struct ToEight {
    kind: Kind,
    depth: usize,
    width: usize,
    source: Source,
}

enum Source {
    /// Samples are scaled to eight bits; an alpha channel is among them.
    Direct,
    /// Pixels equal to these native bytes become transparent.
    Keyed(Vec<u8>),
    /// Colour and alpha by palette index.
    Indexed(Vec<[u8; 4]>),
}

impl ToEight {
    pub(super) fn new(head: &Head, details: &Details) -> Self {
        let keyed = matches!(details.transparency, Transparency::Key(_));
        let source = match (&details.transparency, head.color) {
            (Transparency::Key(key), _) if head.depth == 16 => {
                Source::Keyed(key.iter().flat_map(|s| s.to_be_bytes()).collect())
            }
            (Transparency::Key(key), _) => Source::Keyed(key.iter().map(|s| *s as u8).collect()),
            (transparency, Color::Indexed) => Source::Indexed(colors(details, transparency)),
            _ => Source::Direct,
        };
        let kind = match head.color {
            Color::Gray if keyed => Kind::GrayAlpha,
            Color::Rgb if keyed => Kind::Rgba,
            Color::Gray => Kind::Gray,
            Color::GrayAlpha => Kind::GrayAlpha,
            Color::Rgb => Kind::Rgb,
            Color::Rgba => Kind::Rgba,
            Color::Indexed if details.transparency == Transparency::None => Kind::Rgb,
            Color::Indexed => Kind::Rgba,
        };
        ToEight { kind, depth: usize::from(head.depth), width: head.width as usize, source }
    }

    pub(super) fn kind(&self) -> Kind {
        self.kind
    }

    /// Appends the pixels of one unfiltered row.
    pub(super) fn row(&self, native: &[u8], out: &mut Vec<u8>) {
        match &self.source {
            Source::Indexed(colors) => {
                let channels = self.kind.channels();
                for index in unpack(native, self.depth, self.width) {
                    out.extend_from_slice(&colors[usize::from(index)][..channels]);
                }
            }
            Source::Direct if self.depth == 8 => out.extend_from_slice(native),
            Source::Direct if self.depth == 16 => {
                out.extend(native.as_chunks::<2>().0.iter().map(|s| eight(*s)));
            }
            Source::Direct => {
                out.extend(unpack(native, self.depth, self.width).map(|s| self.widen(s)));
            }
            Source::Keyed(key) if self.depth < 8 => {
                for sample in unpack(native, self.depth, self.width) {
                    out.extend_from_slice(&[self.widen(sample), alpha(sample == key[0])]);
                }
            }
            Source::Keyed(key) => {
                for pixel in native.chunks_exact(key.len()) {
                    if self.depth == 16 {
                        out.extend(pixel.as_chunks::<2>().0.iter().map(|s| eight(*s)));
                    } else {
                        out.extend_from_slice(pixel);
                    }
                    out.push(alpha(pixel == key.as_slice()));
                }
            }
        }
    }

    /// A sample of less than eight bits, scaled to the full range.
    fn widen(&self, sample: u8) -> u8 {
        sample * (255 / (u8::MAX >> (8 - self.depth)))
    }
}

fn alpha(is_transparent: bool) -> u8 {
    if is_transparent { 0 } else { 255 }
}

/// A 16-bit sample rounded to eight bits.
fn eight(sample: [u8; 2]) -> u8 {
    let sample = u32::from(u16::from_be_bytes(sample));
    ((sample * 255 + 32_767) / 65_535) as u8
}

/// All 256 colours an index can name; those past the palette are opaque black.
fn colors(details: &Details, transparency: &Transparency) -> Vec<[u8; 4]> {
    let alpha: &[u8] = match transparency {
        Transparency::Palette(alpha) => alpha,
        _ => &[],
    };
    (0..256)
        .map(|index| {
            let [r, g, b] = details.palette.get(index).copied().unwrap_or_default();
            [r, g, b, alpha.get(index).copied().unwrap_or(255)]
        })
        .collect()
}
