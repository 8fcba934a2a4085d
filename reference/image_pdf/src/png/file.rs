use super::chunk::Chunk;
use super::details::Details;
use super::header::{Color, Head};
use super::inflate::Inflate;
use super::rows::RowSink;
use crate::error::{Error, Result};
use crate::format::PNG_SIGNATURE;
use crate::input::Input;
use crate::limits::Limits;
use crate::options::Options;
use crate::orientation::Orientation;
use crate::place::Place;

/// A PNG read up to the start of its image data.
pub(super) struct File {
    pub(super) head: Head,
    pub(super) details: Details,
    first_data: Chunk,
}

impl File {
    pub(super) fn open(input: &mut Input<'_>, options: &Options) -> Result<Self> {
        let mut signature = [0; 8];
        input.read_exact(&mut signature, Place::File { format: "png", at: 0 })?;
        if signature != PNG_SIGNATURE {
            return Err(Error::malformed(Place::File { format: "png", at: 0 }, "wrong signature"));
        }
        let head = read_head(input, options.limits())?;
        let mut details = Details::default();
        let first_data = loop {
            let chunk = Chunk::next(input)?;
            match &chunk.kind {
                b"IDAT" => break chunk,
                b"IEND" => return Err(Error::malformed(chunk.place, "no image data before it")),
                _ => details.read_before_data(input, &chunk, &head, options.strip_metadata())?,
            }
        };
        if head.color == Color::Indexed && details.palette.is_empty() {
            return Err(Error::malformed(first_data.place, "no palette before it"));
        }
        Ok(File { head, details, first_data })
    }

    /// Reads the image data and all that follows, and checks every bit of it.
    ///
    /// `sink` gets the inflated rows. `copy` gets the bytes of the zlib stream, each only after
    /// it was inflated, and none behind the stream's end.
    pub(super) fn read_data(
        &mut self,
        input: &mut Input<'_>,
        sink: &mut dyn RowSink,
        copy: &mut dyn FnMut(&[u8]) -> Result<()>,
    ) -> Result<()> {
        let mut inflate = Inflate::new(&self.head);
        let mut chunk = self.first_data;
        while &chunk.kind == b"IDAT" {
            let mut crc = chunk.hasher();
            let mut left = chunk.length as usize;
            while left > 0 {
                let piece = input.piece(left)?;
                if piece.is_empty() {
                    return Err(input.ends_early(chunk.place));
                }
                crc.update(piece);
                let used = inflate.push(piece, chunk.place, sink)?;
                copy(&piece[..used])?;
                let count = piece.len();
                input.consume(count);
                left -= count;
            }
            if chunk.checksum(input)? != crc.finalize() {
                return Err(chunk.mismatch());
            }
            chunk = Chunk::next(input)?;
        }
        inflate.finish(chunk.place)?;
        self.read_tail(input, chunk)
    }

    fn read_tail(&mut self, input: &mut Input<'_>, mut chunk: Chunk) -> Result<()> {
        while &chunk.kind != b"IEND" {
            if &chunk.kind == b"IDAT" {
                return Err(Error::malformed(chunk.place, "image data is not in one run"));
            }
            self.details.read_anywhere(input, &chunk)?;
            chunk = Chunk::next(input)?;
        }
        if chunk.length != 0 {
            return Err(Error::malformed(chunk.place, "end marker is not empty"));
        }
        chunk.checked_body(input).map(|_| ())
    }
}

/// What can be known of a PNG without inflating it.
pub(crate) struct Survey {
    pub(crate) width: u32,
    pub(crate) height: u32,
    pub(crate) orientation: Orientation,
    /// Bits a sample.
    pub(crate) depth: u8,
}

/// Walks the chunks of a PNG without inflating its image data.
pub(crate) fn survey(input: &mut Input<'_>, options: &Options) -> Result<Survey> {
    let mut file = File::open(input, options)?;
    let mut chunk = file.first_data;
    while &chunk.kind == b"IDAT" {
        chunk.skip(input)?;
        chunk = Chunk::next(input)?;
    }
    file.read_tail(input, chunk)?;
    let Head { width, height, depth, .. } = file.head;
    Ok(Survey { width, height, orientation: file.details.orientation.unwrap_or_default(), depth })
}

fn read_head(input: &mut Input<'_>, limits: &Limits) -> Result<Head> {
    let chunk = Chunk::next(input)?;
    if &chunk.kind != b"IHDR" {
        return Err(Error::malformed(chunk.place, "first chunk is not IHDR"));
    }
    if chunk.length != 13 {
        return Err(Error::malformed(
            chunk.place,
            format_args!("length of {} bytes", chunk.length),
        ));
    }
    let mut body = [0; 13];
    input.read_exact(&mut body, chunk.place)?;
    let mut crc = chunk.hasher();
    crc.update(&body);
    if chunk.checksum(input)? != crc.finalize() {
        return Err(chunk.mismatch());
    }
    let head = Head::parse(&body, chunk.place)?;
    limits.check_pixels(head.width, head.height)?;
    Ok(head)
}
