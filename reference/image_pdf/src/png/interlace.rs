use super::header::Head;
use super::rows::Pass;

/// For each pass of Adam7 the first column and row and the steps (ISO/IEC 15948, 8.2).
const ADAM7: [[u32; 4]; 7] = [
    [0, 0, 8, 8],
    [4, 0, 8, 8],
    [0, 4, 4, 8],
    [2, 0, 4, 4],
    [0, 2, 2, 4],
    [1, 0, 2, 2],
    [0, 1, 1, 2],
];

/// The passes that have pixels.
pub(super) fn passes(head: &Head) -> Vec<Pass> {
    let mut passes = Vec::with_capacity(7);
    for (number, [x, y, step_x, step_y]) in (1..).zip(ADAM7) {
        let width = head.width.saturating_sub(x).div_ceil(step_x);
        let height = head.height.saturating_sub(y).div_ceil(step_y);
        if width > 0 && height > 0 {
            passes.push(Pass { number, width, height, row_bytes: head.row_bytes(width) });
        }
    }
    passes
}

/// Puts the pixels of passes where they belong.
pub(super) struct Weave {
    pixels: Vec<u8>,
    row_bytes: usize,
    bits: usize,
    /// The pass of the last row, and the number of the next within it.
    pass: u8,
    row: u32,
}

impl Weave {
    /// The caller has checked that an image of this size may be held.
    pub(super) fn new(head: &Head) -> Self {
        let row_bytes = head.row_bytes(head.width) as usize;
        Weave {
            pixels: vec![0; row_bytes * head.height as usize],
            row_bytes,
            bits: usize::from(head.bits_per_pixel()),
            pass: 0,
            row: 0,
        }
    }

    /// Takes the next unfiltered row of `pass`.
    pub(super) fn row(&mut self, pass: &Pass, row: &[u8]) {
        if pass.number != self.pass {
            (self.pass, self.row) = (pass.number, 0);
        }
        let (y, left, step) = match pass.number.checked_sub(1) {
            None => (self.row, 0, 1),
            Some(index) => {
                let [x, y, step_x, step_y] = ADAM7[usize::from(index)];
                (y + self.row * step_y, x as usize, step_x as usize)
            }
        };
        self.row += 1;
        let start = y as usize * self.row_bytes;
        let target = &mut self.pixels[start..start + self.row_bytes];
        if self.bits >= 8 {
            let bytes = self.bits / 8;
            for (index, pixel) in row.chunks_exact(bytes).enumerate() {
                let at = (left + index * step) * bytes;
                target[at..at + bytes].copy_from_slice(pixel);
            }
            return;
        }
        let mask = (1u8 << self.bits) - 1;
        for index in 0..pass.width as usize {
            let from = index * self.bits;
            let value = row[from / 8] >> (8 - self.bits - from % 8) & mask;
            let to = (left + index * step) * self.bits;
            target[to / 8] |= value << (8 - self.bits - to % 8);
        }
    }

    /// The rows of the whole image, one after the other.
    pub(super) fn into_pixels(self) -> Vec<u8> {
        self.pixels
    }
}
