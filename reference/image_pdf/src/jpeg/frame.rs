use super::segment::Segment;
use crate::error::{Error, Result};
use crate::limits::Limits;

/// The frame header (ITU-T T.81, B.2.2), checked.
#[derive(Debug, Clone)]
pub(crate) struct Frame {
    pub(crate) width: u32,
    pub(crate) height: u32,
    pub(crate) components: Vec<Component>,
    pub(super) is_progressive: bool,
}

#[derive(Debug, Clone, Copy)]
pub(crate) struct Component {
    pub(super) id: u8,
    /// Horizontal and vertical sampling, 1 to 4 each, in the high and the low four bits.
    pub(super) sampling: u8,
    /// The quantisation table, 0 to 3.
    pub(super) table: u8,
}

/// Whether `marker` starts a frame header of any kind.
pub(super) fn is_frame(marker: u8) -> bool {
    matches!(marker, 0xc0..=0xc3 | 0xc5..=0xc7 | 0xc9..=0xcf)
}

impl Frame {
    pub(super) fn parse(segment: &Segment, limits: &Limits) -> Result<Self> {
        let coding = match segment.marker {
            0xc0..=0xc2 => None,
            0xc3 => Some("lossless"),
            0xc5..=0xc7 => Some("hierarchical"),
            _ => Some("arithmetic"),
        };
        if let Some(coding) = coding {
            return Err(Error::unsupported(format!(
                "{}: {coding} coding: a pdf carries baseline, extended and progressive",
                segment.place
            )));
        }
        let [precision, h1, h0, w1, w0, count, specs @ ..] = segment.body.as_slice() else {
            return Err(segment.wrong("frame header is too short"));
        };
        if *precision != 8 {
            return Err(Error::unsupported(format!(
                "{}: {precision} bits a sample: a pdf carries 8",
                segment.place
            )));
        }
        let width = u32::from(u16::from_be_bytes([*w1, *w0]));
        let height = u32::from(u16::from_be_bytes([*h1, *h0]));
        if width == 0 || height == 0 {
            return Err(segment.wrong(format_args!("size of {width} x {height} pixels")));
        }
        limits.check_pixels(width, height)?;
        if !matches!(count, 1 | 3 | 4) {
            return Err(Error::unsupported(format!(
                "{}: {count} components: a pdf carries 1, 3 or 4",
                segment.place
            )));
        }
        let (specs, rest) = specs.as_chunks::<3>();
        if specs.len() != usize::from(*count) || !rest.is_empty() {
            return Err(segment.wrong("frame header does not fit its components"));
        }
        let mut components: Vec<Component> = Vec::with_capacity(specs.len());
        for [id, sampling, table] in specs.iter().copied() {
            let (across, down) = (sampling >> 4, sampling & 15);
            if !(1..=4).contains(&across) || !(1..=4).contains(&down) || table > 3 {
                return Err(segment.wrong(format_args!("component {id} has impossible factors")));
            }
            if components.iter().any(|c| c.id == id) {
                return Err(segment.wrong(format_args!("component {id} comes twice")));
            }
            components.push(Component { id, sampling, table });
        }
        let is_progressive = segment.marker == 0xc2;
        Ok(Frame { width, height, components, is_progressive })
    }
}
