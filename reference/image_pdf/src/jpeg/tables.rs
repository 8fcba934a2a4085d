use super::segment::{DHT, DQT, Segment};
use crate::error::Result;

/// The luminance table of ITU-T T.81, K.1, that encoders scale by quality, in zigzag order.
const LUMINANCE: [u16; 64] = [
    16, 11, 12, 14, 12, 10, 16, 14, 13, 14, 18, 17, 16, 19, 24, 40, 26, 24, 22, 22, 24, 49, 35, 37,
    29, 40, 58, 51, 61, 60, 57, 51, 56, 55, 64, 72, 92, 78, 64, 68, 87, 69, 55, 56, 80, 109, 81,
    87, 95, 98, 103, 104, 103, 62, 77, 113, 121, 112, 100, 120, 92, 101, 103, 99,
];

/// Which tables have been defined so far, and how fine the quantisation is.
#[derive(Debug, Default)]
pub(super) struct Tables {
    /// The sum of each quantisation table's steps.
    quantisation: [Option<u32>; 4],
    dc: [bool; 4],
    ac: [bool; 4],
    pub(super) restart_interval: u16,
}

impl Tables {
    pub(super) fn read(&mut self, segment: &Segment) -> Result<()> {
        match segment.marker {
            DQT => self.read_quantisation(segment),
            DHT => self.read_huffman(segment),
            _ => {
                let [high, low] = *segment.body else {
                    return Err(segment.wrong("restart interval is not two bytes"));
                };
                self.restart_interval = u16::from_be_bytes([high, low]);
                Ok(())
            }
        }
    }

    pub(super) fn has_quantisation(&self, table: u8) -> bool {
        self.quantisation_sum(table).is_some()
    }

    pub(super) fn quantisation_sum(&self, table: u8) -> Option<u32> {
        self.quantisation.get(usize::from(table)).copied().flatten()
    }

    pub(super) fn has_dc(&self, table: u8) -> bool {
        self.dc.get(usize::from(table)) == Some(&true)
    }

    pub(super) fn has_ac(&self, table: u8) -> bool {
        self.ac.get(usize::from(table)) == Some(&true)
    }

    /// ITU-T T.81, B.2.4.1.
    fn read_quantisation(&mut self, segment: &Segment) -> Result<()> {
        let mut rest = segment.body.as_slice();
        while let [head, after @ ..] = rest {
            let (wide, slot) = (head >> 4, usize::from(head & 15));
            let bytes = 64 * (usize::from(wide) + 1);
            if wide > 1 || slot > 3 || after.len() < bytes {
                return Err(segment.wrong("quantisation table is malformed"));
            }
            let (steps, after) = after.split_at(bytes);
            let step = |s: &[u8]| s.iter().fold(0u32, |step, byte| step << 8 | u32::from(*byte));
            let steps = || steps.chunks_exact(usize::from(wide) + 1).map(step);
            if steps().any(|step| step == 0) {
                return Err(segment.wrong("quantisation step of zero"));
            }
            self.quantisation[slot] = Some(steps().sum());
            rest = after;
        }
        Ok(())
    }

    /// ITU-T T.81, B.2.4.2 and C.2.
    fn read_huffman(&mut self, segment: &Segment) -> Result<()> {
        let mut rest = segment.body.as_slice();
        while let [head, after @ ..] = rest {
            let (class, slot) = (head >> 4, usize::from(head & 15));
            if class > 1 || slot > 3 || after.len() < 16 {
                return Err(segment.wrong("huffman table is malformed"));
            }
            let (counts, after) = after.split_at(16);
            let mut room = 1u32;
            for count in counts {
                // The number of unused codes of this length; a prefix code never needs more.
                let Some(left) = (room * 2).checked_sub(u32::from(*count)) else {
                    return Err(segment.wrong("huffman table has too many codes"));
                };
                room = left;
            }
            let values: usize = counts.iter().map(|count| usize::from(*count)).sum();
            if values > 256 || after.len() < values {
                return Err(segment.wrong("huffman table is malformed"));
            }
            let defined = if class == 0 { &mut self.dc } else { &mut self.ac };
            defined[slot] = true;
            rest = &after[values..];
        }
        Ok(())
    }
}

/// The sum of the luminance steps that an encoder uses at `quality` 1 to 100.
pub(super) fn steps_at(quality: u8) -> u32 {
    let quality = u32::from(quality.clamp(1, 100));
    let scale = if quality < 50 { 5000 / quality } else { 200 - 2 * quality };
    LUMINANCE.iter().map(|base| ((u32::from(*base) * scale + 50) / 100).clamp(1, 255)).sum()
}
