use std::io::{Read, Result, Write};

use zstd::stream::read::Decoder;
use zstd::stream::write::Encoder;

/// The fastest of the regular levels.
const LEVEL: i32 = 1;

/// The binary logarithm of the largest window that a frame may ask for: 8 MiB, which RFC 9659 lets
/// no sender exceed. Beyond it a few bytes could have memory reserved that no limit has counted.
const WINDOW_LOG: u32 = 23;

pub(super) fn pack(bytes: &[u8], room: usize) -> Result<Vec<u8>> {
    let (kept, plain) = bytes.split_at(room);
    let mut out = Vec::with_capacity(room + plain.len() / 2);
    out.extend_from_slice(kept);
    let mut encoder = Encoder::new(out, LEVEL)?;
    // Its tables are then no larger than the message needs, and the reader reserves no more either.
    encoder.set_pledged_src_size(Some(plain.len() as u64))?;
    encoder.write_all(plain)?;
    encoder.finish()
}

pub(super) fn reader(packed: &[u8]) -> Result<impl Read> {
    let mut decoder = Decoder::with_buffer(packed)?;
    decoder.window_log_max(WINDOW_LOG)?;
    Ok(decoder)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A frame without content, whose header asks for a window of 2 to the power of `log`.
    fn frame(log: u8) -> Vec<u8> {
        // Magic number, no flags, the window's exponent, and an empty last block.
        vec![0x28, 0xb5, 0x2f, 0xfd, 0, (log - 10) << 3, 1, 0, 0]
    }

    #[test]
    fn a_frame_that_asks_for_a_huge_window_is_refused() {
        let read = |log| reader(&frame(log)).unwrap().read_to_end(&mut Vec::new());
        assert_eq!(read(23).unwrap(), 0);
        for log in 24..=41 {
            assert!(read(log).is_err(), "{log}");
        }
    }
}
