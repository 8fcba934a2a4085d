use std::io::{Read, Write};

use bytes::Bytes;
use flate2::Compression;
use flate2::read::MultiGzDecoder;
use flate2::write::GzEncoder;

/// Why compressed bytes were not read.
#[derive(Debug)]
pub(crate) enum GunzipError {
    /// They grow beyond the limit. A few kilobytes can stand for gigabytes, so this is found out
    /// before the memory is taken.
    TooLarge,
    Broken(std::io::Error),
}

/// Compresses what was written after the first `room` bytes, which stay as they are.
///
/// The fastest level: it takes most of the redundancy of a message for a fifth of the time.
pub(crate) fn gzip(bytes: &[u8], room: usize) -> std::io::Result<Vec<u8>> {
    let (kept, plain) = bytes.split_at(room);
    let mut out = Vec::with_capacity(room + plain.len() / 2);
    out.extend_from_slice(kept);
    let mut encoder = GzEncoder::new(out, Compression::fast());
    encoder.write_all(plain)?;
    encoder.finish()
}

/// Unpacks at most `limit` bytes.
pub(crate) fn gunzip(bytes: &[u8], limit: usize) -> Result<Bytes, GunzipError> {
    /// What is reserved on the word of the sender's size, at most.
    const RESERVED: usize = 64 * 1024;
    let mut plain = Vec::with_capacity((bytes.len() * 3).min(RESERVED).min(limit));
    let mut decoder = MultiGzDecoder::new(bytes).take(limit as u64 + 1);
    decoder.read_to_end(&mut plain).map_err(GunzipError::Broken)?;
    if plain.len() > limit {
        return Err(GunzipError::TooLarge);
    }
    Ok(plain.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bomb_stops_at_the_limit() {
        let bomb = gzip(&vec![0; 10 << 20], 0).unwrap();
        assert!(bomb.len() < 1 << 20);
        assert!(matches!(gunzip(&bomb, 1 << 20), Err(GunzipError::TooLarge)));
        assert_eq!(gunzip(&bomb, 10 << 20).unwrap().len(), 10 << 20);
    }

    #[test]
    fn broken_bytes_are_an_error() {
        let whole = gzip(b"hello", 0).unwrap();
        for bad in [&b""[..], b"hello", &whole[..whole.len() - 3]] {
            assert!(matches!(gunzip(bad, 100), Err(GunzipError::Broken(_))));
        }
    }

    #[test]
    fn the_room_in_front_stays() {
        let packed = gzip(b"12345hello", 5).unwrap();
        assert_eq!(&packed[..5], b"12345");
        assert_eq!(gunzip(&packed[5..], 5).unwrap(), "hello");
    }
}
