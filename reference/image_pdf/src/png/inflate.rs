use flate2::{Decompress, FlushDecompress, Status};

use super::header::Head;
use super::rows::{RowSink, Rows};
use crate::error::{Error, Result};
use crate::place::Place;

const BUFFER: usize = 64 * 1024;

/// Inflates the image data piece by piece and checks it: the zlib framing and checksum, every
/// filter byte, and that there are exactly as many bytes as the header's size needs.
pub(super) struct Inflate {
    zlib: Decompress,
    out: Box<[u8]>,
    rows: Rows,
    ended: bool,
}

impl Inflate {
    pub(super) fn new(head: &Head) -> Self {
        Inflate {
            zlib: Decompress::new(true),
            out: vec![0; BUFFER].into_boxed_slice(),
            rows: Rows::new(head),
            ended: false,
        }
    }

    /// Takes the next bytes of the stream and tells how many of them belong to it.
    ///
    /// Stops at the first byte of output over what the header's size needs, so a bomb costs no
    /// more than the image that it claims to be.
    pub(super) fn push(
        &mut self,
        piece: &[u8],
        place: Place,
        sink: &mut dyn RowSink,
    ) -> Result<usize> {
        let mut used = 0;
        while !self.ended {
            let (before_in, before_out) = (self.zlib.total_in(), self.zlib.total_out());
            let status = self
                .zlib
                .decompress(&piece[used..], &mut self.out, FlushDecompress::None)
                .map_err(|_| Error::malformed(place, "compressed data is damaged"))?;
            let taken = (self.zlib.total_in() - before_in) as usize;
            let made = (self.zlib.total_out() - before_out) as usize;
            used += taken;
            self.rows.push(&self.out[..made], place, sink)?;
            if status == Status::StreamEnd {
                self.ended = true;
            } else if taken == 0 && made == 0 {
                if used < piece.len() {
                    return Err(Error::malformed(place, "compressed data is damaged"));
                }
                break;
            }
        }
        Ok(used)
    }

    /// Checks that the stream and the image are complete; `place` is what follows the data.
    pub(super) fn finish(self, place: Place) -> Result<()> {
        if !self.ended {
            return Err(Error::malformed(place, "compressed data ends early"));
        }
        self.rows.finish(place)
    }
}
