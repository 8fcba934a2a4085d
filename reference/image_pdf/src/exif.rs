//! The one tag of EXIF that changes how an image looks.

use crate::orientation::Orientation;

const ORIENTATION_TAG: u16 = 0x0112;
const SHORT: u16 = 3;

/// The orientation in a TIFF structure (EXIF 2.32, 4.5), if it holds a valid one.
///
/// Only the first directory is read, each entry once, so no cycle of offsets can be followed.
pub(crate) fn orientation(tiff: &[u8]) -> Option<Orientation> {
    let bytes = Bytes { tiff, little_endian: tiff.starts_with(b"II*\0") };
    if !bytes.little_endian && !tiff.starts_with(b"MM\0*") {
        return None;
    }
    let directory = usize::try_from(bytes.u32(4)?).ok()?;
    let entries = usize::from(bytes.u16(directory)?);
    for index in 0..entries {
        let entry = directory.checked_add(2 + index * 12)?;
        if bytes.u16(entry)? == ORIENTATION_TAG {
            if bytes.u16(entry + 2)? != SHORT || bytes.u32(entry + 4)? != 1 {
                return None;
            }
            return Orientation::from_exif(bytes.u16(entry + 8)?);
        }
    }
    None
}

struct Bytes<'a> {
    tiff: &'a [u8],
    little_endian: bool,
}

impl Bytes<'_> {
    fn array<const N: usize>(&self, at: usize) -> Option<[u8; N]> {
        self.tiff.get(at..at.checked_add(N)?)?.try_into().ok()
    }

    fn u16(&self, at: usize) -> Option<u16> {
        let bytes = self.array(at)?;
        Some(if self.little_endian { u16::from_le_bytes(bytes) } else { u16::from_be_bytes(bytes) })
    }

    fn u32(&self, at: usize) -> Option<u32> {
        let bytes = self.array(at)?;
        Some(if self.little_endian { u32::from_le_bytes(bytes) } else { u32::from_be_bytes(bytes) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tiff(tag: u16, kind: u16, value: u16) -> Vec<u8> {
        let mut tiff = b"MM\0*\0\0\0\x08\0\x01".to_vec();
        for word in [tag, kind, 0, 1, value, 0] {
            tiff.extend_from_slice(&word.to_be_bytes());
        }
        tiff
    }

    #[test]
    fn reads_the_tag_in_both_byte_orders() {
        assert_eq!(orientation(&tiff(0x0112, 3, 6)), Some(Orientation::TurnRight));
        let little = b"II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\x08\0\0\0";
        assert_eq!(orientation(little), Some(Orientation::TurnLeft));
    }

    #[test]
    fn ignores_what_is_no_orientation() {
        assert_eq!(orientation(&tiff(0x0112, 3, 9)), None);
        assert_eq!(orientation(&tiff(0x0112, 4, 6)), None);
        assert_eq!(orientation(&tiff(0x0113, 3, 6)), None);
        assert_eq!(orientation(b"II*\0\xff\xff\xff\xff"), None);
        let whole = tiff(0x0112, 3, 6);
        for length in 0..whole.len() - 2 {
            assert_eq!(orientation(&whole[..length]), None, "cut to {length} bytes");
        }
    }
}
