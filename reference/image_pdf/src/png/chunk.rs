use crc32fast::Hasher;

use crate::error::{Error, Result};
use crate::input::Input;
use crate::place::Place;

/// A palette of 256 entries.
const LONGEST_NEEDED: u32 = 768;

/// The length and type at the start of a chunk (ISO/IEC 15948, 5.3).
#[derive(Debug, Clone, Copy)]
pub(super) struct Chunk {
    pub(super) kind: [u8; 4],
    pub(super) length: u32,
    pub(super) place: Place,
}

impl Chunk {
    /// Reads the start of the next chunk.
    pub(super) fn next(input: &mut Input<'_>) -> Result<Self> {
        let at = input.position();
        let mut start = [0; 8];
        input.read_exact(&mut start, Place::File { format: "png chunk", at })?;
        let [a, b, c, d, kind @ ..] = start;
        let length = u32::from_be_bytes([a, b, c, d]);
        let place = Place::Png { chunk: kind, at };
        if !kind.iter().all(u8::is_ascii_alphabetic) {
            return Err(Error::malformed(place, "chunk type is not four letters"));
        }
        if length > i32::MAX as u32 {
            return Err(Error::malformed(place, format_args!("length of {length} bytes")));
        }
        Ok(Chunk { kind, length, place })
    }

    /// Whether a decoder must know this chunk.
    pub(super) fn is_critical(&self) -> bool {
        self.kind[0].is_ascii_uppercase()
    }

    /// The payload and whether its checksum is right.
    pub(super) fn body(&self, input: &mut Input<'_>) -> Result<(Vec<u8>, bool)> {
        // Grows with what arrives, so a length that lies costs nothing.
        let mut body = Vec::new();
        let mut left = self.length as usize;
        while left > 0 {
            let piece = input.piece(left)?;
            if piece.is_empty() {
                return Err(input.ends_early(self.place));
            }
            body.extend_from_slice(piece);
            let count = piece.len();
            input.consume(count);
            left -= count;
        }
        let mut crc = self.hasher();
        crc.update(&body);
        let right = self.checksum(input)? == crc.finalize();
        Ok((body, right))
    }

    /// The payload of one of the short chunks that an image needs, whose checksum must be right.
    pub(super) fn checked_body(&self, input: &mut Input<'_>) -> Result<Vec<u8>> {
        if self.length > LONGEST_NEEDED {
            return Err(Error::malformed(self.place, format_args!("{} bytes", self.length)));
        }
        match self.body(input)? {
            (body, true) => Ok(body),
            (_, false) => Err(self.mismatch()),
        }
    }

    /// Moves past the payload and the checksum.
    pub(super) fn skip(&self, input: &mut Input<'_>) -> Result<()> {
        let mut left = self.length as usize + 4;
        while left > 0 {
            let count = input.piece(left)?.len();
            if count == 0 {
                return Err(input.ends_early(self.place));
            }
            input.consume(count);
            left -= count;
        }
        Ok(())
    }

    /// A checksum that has seen the chunk type.
    pub(super) fn hasher(&self) -> Hasher {
        let mut crc = Hasher::new();
        crc.update(&self.kind);
        crc
    }

    /// The checksum that the file gives; the payload must be consumed.
    pub(super) fn checksum(&self, input: &mut Input<'_>) -> Result<u32> {
        let mut crc = [0; 4];
        input.read_exact(&mut crc, self.place)?;
        Ok(u32::from_be_bytes(crc))
    }

    pub(super) fn mismatch(&self) -> Error {
        Error::malformed(self.place, "crc mismatch")
    }
}
