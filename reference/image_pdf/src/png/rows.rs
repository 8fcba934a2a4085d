use super::header::Head;
use super::interlace;
use crate::error::{Error, Result};
use crate::place::Place;

/// One reduced image: the whole of a plain PNG, or one of seven of an interlaced one.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pass {
    /// Zero for a plain image, 1 to 7 for the passes of Adam7.
    pub(super) number: u8,
    pub(super) width: u32,
    pub(super) height: u32,
    /// Bytes of a row without its filter byte.
    pub(super) row_bytes: u64,
}

/// Takes the rows of an image, each as a filter byte and its filtered bytes.
pub(super) trait RowSink {
    /// Takes the next bytes of a row; `ends_row` tells that it is complete.
    fn piece(&mut self, pass: &Pass, bytes: &[u8], ends_row: bool) -> Result<()>;
}

/// Lets rows pass that only have to be checked.
pub(super) struct Checked;

impl RowSink for Checked {
    fn piece(&mut self, _: &Pass, _: &[u8], _: bool) -> Result<()> {
        Ok(())
    }
}

/// Hands whole rows to a function.
pub(super) struct Whole<F> {
    each: F,
    partial: Vec<u8>,
}

impl<F: FnMut(&Pass, &[u8]) -> Result<()>> Whole<F> {
    pub(super) fn new(each: F) -> Self {
        Whole { each, partial: Vec::new() }
    }
}

impl<F: FnMut(&Pass, &[u8]) -> Result<()>> RowSink for Whole<F> {
    fn piece(&mut self, pass: &Pass, bytes: &[u8], ends_row: bool) -> Result<()> {
        if ends_row && self.partial.is_empty() {
            return (self.each)(pass, bytes);
        }
        self.partial.extend_from_slice(bytes);
        if ends_row {
            (self.each)(pass, &self.partial)?;
            self.partial.clear();
        }
        Ok(())
    }
}

/// Cuts inflated bytes into rows and counts them.
pub(super) struct Rows {
    /// The passes that are still to come, last first.
    passes: Vec<Pass>,
    row: u32,
    /// Bytes of the current row so far, its filter byte included.
    offset: u64,
}

impl Rows {
    pub(super) fn new(head: &Head) -> Self {
        let mut passes = if head.interlaced {
            interlace::passes(head)
        } else {
            let Head { width, height, .. } = *head;
            vec![Pass { number: 0, width, height, row_bytes: head.row_bytes(width) }]
        };
        passes.reverse();
        Rows { passes, row: 0, offset: 0 }
    }

    pub(super) fn push(
        &mut self,
        mut bytes: &[u8],
        place: Place,
        sink: &mut dyn RowSink,
    ) -> Result<()> {
        while !bytes.is_empty() {
            let Some(pass) = self.passes.last().copied() else {
                return Err(Error::malformed(place, "more image data than the size needs"));
            };
            if self.offset == 0 && bytes[0] > 4 {
                let (filter, row) = (bytes[0], self.row);
                return Err(Error::malformed(place, format_args!("filter {filter} in row {row}")));
            }
            let left = pass.row_bytes + 1 - self.offset;
            let take = usize::try_from(left).map_or(bytes.len(), |left| left.min(bytes.len()));
            let ends_row = take as u64 == left;
            sink.piece(&pass, &bytes[..take], ends_row)?;
            bytes = &bytes[take..];
            self.offset += take as u64;
            if ends_row {
                self.offset = 0;
                self.row += 1;
            }
            if self.row == pass.height {
                self.row = 0;
                self.passes.pop();
            }
        }
        Ok(())
    }

    pub(super) fn finish(&self, place: Place) -> Result<()> {
        if let Some(pass) = self.passes.last() {
            let (row, height) = (self.row, pass.height);
            return Err(Error::malformed(
                place,
                format_args!("image data ends early, in row {row} of {height}"),
            ));
        }
        Ok(())
    }
}
