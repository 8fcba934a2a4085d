//! Messages packed and unpacked, within bounds.

use std::io::{self, Read};

use bytes::Bytes;

use crate::coding::Coding;

mod gzip;
#[cfg(feature = "zstd")]
mod zstd;

/// Why compressed bytes were not read.
#[derive(Debug)]
pub(crate) enum UnpackError {
    /// They grow beyond the limit. A few kilobytes can stand for gigabytes, so this is found out
    /// before the memory is taken.
    TooLarge,
    Broken(io::Error),
}

/// Compresses what was written after the first `room` bytes, which stay as they are.
pub(crate) fn pack(coding: Coding, bytes: Vec<u8>, room: usize) -> io::Result<Vec<u8>> {
    match coding {
        Coding::Identity => Ok(bytes),
        Coding::Gzip => gzip::pack(&bytes, room),
        #[cfg(feature = "zstd")]
        Coding::Zstd => zstd::pack(&bytes, room),
    }
}

/// Unpacks at most `limit` bytes; what is not packed is passed on as it is.
///
/// So is nothing at all, whatever it is said to be: Connect's specification has servers and clients
/// not unpack it.
pub(crate) fn unpack(coding: Coding, bytes: Bytes, limit: usize) -> Result<Bytes, UnpackError> {
    match coding {
        _ if bytes.is_empty() => Ok(bytes),
        Coding::Identity => Ok(bytes),
        Coding::Gzip => read(gzip::reader(&bytes), bytes.len(), limit),
        #[cfg(feature = "zstd")]
        Coding::Zstd => {
            read(zstd::reader(&bytes).map_err(UnpackError::Broken)?, bytes.len(), limit)
        }
    }
}

fn read(unpacking: impl Read, packed: usize, limit: usize) -> Result<Bytes, UnpackError> {
    /// What is reserved on the word of the sender's size, at most.
    const RESERVED: usize = 64 * 1024;
    let mut plain = Vec::with_capacity((packed * 3).min(RESERVED).min(limit));
    let most = (limit as u64).saturating_add(1);
    unpacking.take(most).read_to_end(&mut plain).map_err(UnpackError::Broken)?;
    if plain.len() > limit {
        return Err(UnpackError::TooLarge);
    }
    Ok(plain.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What packs at all.
    fn codings() -> impl Iterator<Item = Coding> {
        Coding::ALL.into_iter().filter(|coding| *coding != Coding::Identity)
    }

    fn packed(coding: Coding, plain: &[u8]) -> Bytes {
        pack(coding, plain.to_vec(), 0).unwrap().into()
    }

    #[test]
    fn a_bomb_stops_at_the_limit() {
        for coding in codings() {
            let bomb = packed(coding, &vec![0; 10 << 20]);
            assert!(bomb.len() < 1 << 20);
            for limit in [0, 1 << 20, (10 << 20) - 1] {
                let outcome = unpack(coding, bomb.clone(), limit);
                assert!(matches!(outcome, Err(UnpackError::TooLarge)), "{coding}");
            }
            assert_eq!(unpack(coding, bomb.clone(), 10 << 20).unwrap().len(), 10 << 20);
            assert_eq!(unpack(coding, bomb, usize::MAX).unwrap().len(), 10 << 20);
        }
    }

    #[test]
    fn broken_bytes_are_an_error() {
        for coding in codings() {
            let whole = packed(coding, b"hello");
            let cuts = (1..whole.len()).map(|end| whole.slice(..end));
            for bad in cuts.chain(["hello".into(), [&whole, &b"x"[..]].concat().into()]) {
                let outcome = unpack(coding, bad.clone(), 100);
                assert!(matches!(outcome, Err(UnpackError::Broken(_))), "{coding} {bad:?}");
            }
        }
    }

    #[test]
    fn nothing_is_nothing_in_every_coding() {
        for coding in Coding::ALL {
            assert!(unpack(coding, Bytes::new(), 0).unwrap().is_empty());
        }
    }

    #[test]
    fn frames_one_after_another_are_one_message() {
        for coding in codings() {
            let two = [packed(coding, b"hel"), packed(coding, b"lo")].concat();
            assert_eq!(unpack(coding, two.into(), 5).unwrap(), "hello");
        }
    }

    #[test]
    fn the_room_in_front_stays() {
        for coding in codings() {
            let packed = Bytes::from(pack(coding, b"12345hello".to_vec(), 5).unwrap());
            assert_eq!(packed[..5], b"12345"[..]);
            assert_eq!(unpack(coding, packed.slice(5..), 5).unwrap(), "hello");
        }
    }
}
