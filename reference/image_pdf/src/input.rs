use std::io::{self, Read};

use crate::error::{Error, Result};
use crate::limits::Limits;
use crate::place::Place;

const BUFFER: usize = 64 * 1024;

/// A counting reader that refuses to read past the input limit.
pub(crate) struct Input<'r> {
    reader: &'r mut dyn Read,
    buffer: Box<[u8]>,
    start: usize,
    end: usize,
    position: u64,
    limit: u64,
}

impl<'r> Input<'r> {
    pub(crate) fn new(reader: &'r mut dyn Read, limits: &Limits) -> Self {
        Input {
            reader,
            buffer: vec![0; BUFFER].into_boxed_slice(),
            start: 0,
            end: 0,
            position: 0,
            limit: limits.max_input_bytes(),
        }
    }

    /// The number of bytes consumed so far.
    pub(crate) fn position(&self) -> u64 {
        self.position
    }

    /// Up to `count` of the next bytes without consuming them; fewer only at the end of the input.
    pub(crate) fn peek(&mut self, count: usize) -> Result<&[u8]> {
        while self.end - self.start < count && self.fill()? {}
        let shown = count.min(self.end - self.start);
        Ok(&self.buffer[self.start..self.start + shown])
    }

    /// What is buffered, at most `max` bytes and at least one; empty only at the end of the input.
    pub(crate) fn piece(&mut self, max: usize) -> Result<&[u8]> {
        if self.start == self.end {
            self.fill()?;
        }
        let shown = max.min(self.end - self.start);
        Ok(&self.buffer[self.start..self.start + shown])
    }

    /// Moves past bytes that [`piece`](Self::piece) or [`peek`](Self::peek) has shown.
    pub(crate) fn consume(&mut self, count: usize) {
        debug_assert!(count <= self.end - self.start);
        self.start += count;
        self.position += count as u64;
    }

    /// Fills `out`, or fails naming `place` when the input ends first.
    pub(crate) fn read_exact(&mut self, out: &mut [u8], place: Place) -> Result<()> {
        let mut filled = 0;
        while filled < out.len() {
            let piece = self.piece(out.len() - filled)?;
            if piece.is_empty() {
                return Err(self.ends_early(place));
            }
            let count = piece.len();
            out[filled..filled + count].copy_from_slice(piece);
            self.consume(count);
            filled += count;
        }
        Ok(())
    }

    pub(crate) fn ends_early(&self, place: Place) -> Error {
        Error::malformed(place, format_args!("input ends early, at byte {}", self.position))
    }

    /// Everything that is left.
    pub(crate) fn read_to_end(&mut self) -> Result<Vec<u8>> {
        let mut all = Vec::new();
        loop {
            let piece = self.piece(BUFFER)?;
            if piece.is_empty() {
                return Ok(all);
            }
            all.extend_from_slice(piece);
            let count = piece.len();
            self.consume(count);
        }
    }

    /// Reads once into the free part of the buffer; `false` at the end of the input.
    fn fill(&mut self) -> Result<bool> {
        if self.start > 0 {
            self.buffer.copy_within(self.start..self.end, 0);
            self.end -= self.start;
            self.start = 0;
        }
        let count = loop {
            match self.reader.read(&mut self.buffer[self.end..]) {
                Ok(count) => break count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(Error::read(error)),
            }
        };
        self.end += count;
        if self.position + self.end as u64 > self.limit {
            return Err(Error::limit(format!(
                "input is longer than {} bytes: at most that is allowed",
                self.limit
            )));
        }
        Ok(count > 0)
    }
}
