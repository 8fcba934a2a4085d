use super::rows::Pass;

/// Undoes the filters of successive rows (ISO/IEC 15948, 9.2).
pub(super) struct Unfilter {
    distance: usize,
    pass: Option<u8>,
    row: Vec<u8>,
    above: Vec<u8>,
}

impl Unfilter {
    pub(super) fn new(distance: usize) -> Self {
        Unfilter { distance, pass: None, row: Vec::new(), above: Vec::new() }
    }

    /// The samples of a row that starts with its filter byte.
    pub(super) fn row(&mut self, pass: &Pass, filtered: &[u8]) -> &[u8] {
        let (filter, bytes) = filtered.split_first().unwrap_or((&0, &[]));
        if self.pass != Some(pass.number) {
            self.pass = Some(pass.number);
            self.row.clear();
            self.row.resize(bytes.len(), 0);
        }
        std::mem::swap(&mut self.row, &mut self.above);
        self.row.clear();
        self.row.extend_from_slice(bytes);
        undo(*filter, &mut self.row, &self.above, self.distance);
        &self.row
    }
}

fn undo(filter: u8, row: &mut [u8], above: &[u8], distance: usize) {
    match filter {
        1 => {
            for i in distance..row.len() {
                row[i] = row[i].wrapping_add(row[i - distance]);
            }
        }
        2 => {
            for (byte, up) in row.iter_mut().zip(above) {
                *byte = byte.wrapping_add(*up);
            }
        }
        3 => {
            for i in 0..row.len() {
                let left = if i < distance { 0 } else { row[i - distance] };
                row[i] = row[i].wrapping_add(left.midpoint(above[i]));
            }
        }
        4 => {
            for i in 0..row.len() {
                let (left, corner) = match i.checked_sub(distance) {
                    None => (0, 0),
                    Some(before) => (row[before], above[before]),
                };
                row[i] = row[i].wrapping_add(paeth(left, above[i], corner));
            }
        }
        _ => {}
    }
}

/// The neighbour that is closest to `left + up - corner` (ISO/IEC 15948, 9.4).
pub(super) fn paeth(left: u8, up: u8, corner: u8) -> u8 {
    let (a, b, c) = (i16::from(left), i16::from(up), i16::from(corner));
    let (to_left, to_up, to_corner) = ((b - c).abs(), (a - c).abs(), (a + b - 2 * c).abs());
    if to_left <= to_up && to_left <= to_corner {
        left
    } else if to_up <= to_corner {
        up
    } else {
        corner
    }
}
