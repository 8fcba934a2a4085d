use crate::error::{Error, Result};
use crate::input::Input;
use crate::place::Place;

pub(super) const SOI: u8 = 0xd8;
pub(super) const EOI: u8 = 0xd9;
pub(super) const SOS: u8 = 0xda;
pub(super) const DQT: u8 = 0xdb;
pub(super) const DHT: u8 = 0xc4;
pub(super) const DRI: u8 = 0xdd;
pub(super) const COM: u8 = 0xfe;

/// A marker and its payload.
#[derive(Debug)]
pub(super) struct Segment {
    pub(super) marker: u8,
    pub(super) place: Place,
    /// The bytes after the length.
    pub(super) body: Vec<u8>,
    /// Fill bytes before the marker, beyond the one that belongs to it.
    pub(super) fill: usize,
}

impl Segment {
    /// Reads the next marker and its payload, which is empty for the end of the image.
    pub(super) fn next(input: &mut Input<'_>) -> Result<Self> {
        let at = input.position();
        let start = Place::File { format: "jpeg marker", at };
        let mut byte = [0];
        input.read_exact(&mut byte, start)?;
        if byte != [0xff] {
            return Err(Error::malformed(start, format_args!("{:#04x} instead of 0xff", byte[0])));
        }
        let mut fill = 0;
        loop {
            input.read_exact(&mut byte, start)?;
            if byte != [0xff] {
                break;
            }
            fill += 1;
        }
        Segment::after_marker(input, byte[0], Place::Jpeg { marker: byte[0], at }, fill)
    }

    /// Reads the payload of a marker that has been read.
    pub(super) fn after_marker(
        input: &mut Input<'_>,
        marker: u8,
        place: Place,
        fill: usize,
    ) -> Result<Self> {
        if marker == EOI {
            return Ok(Segment { marker, place, body: Vec::new(), fill });
        }
        if matches!(marker, 0x00..=0x01 | 0xd0..=SOI) {
            return Err(Error::malformed(place, "marker is out of place"));
        }
        let mut length = [0; 2];
        input.read_exact(&mut length, place)?;
        let Some(length) = u16::from_be_bytes(length).checked_sub(2) else {
            return Err(Error::malformed(place, "length is less than two"));
        };
        let mut body = vec![0; usize::from(length)];
        input.read_exact(&mut body, place)?;
        Ok(Segment { marker, place, body, fill })
    }

    /// Appends the segment as it stood in the file.
    pub(super) fn write_to(&self, out: &mut Vec<u8>) {
        out.resize(out.len() + self.fill, 0xff);
        out.extend_from_slice(&[0xff, self.marker]);
        if self.marker != EOI {
            // The payload was read with a 16-bit length, so it fits one again.
            let length = self.body.len() as u16 + 2;
            out.extend_from_slice(&length.to_be_bytes());
            out.extend_from_slice(&self.body);
        }
    }

    pub(super) fn wrong(&self, what: impl std::fmt::Display) -> Error {
        Error::malformed(self.place, what)
    }
}
