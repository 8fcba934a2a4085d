use super::frame::is_frame;
use super::segment::{EOI, SOS};

/// A copy of a JPEG whose components are named 1, 2, 3 and 4 in the order of the frame.
///
/// The names mean nothing to the coding, but the decoder takes the component named 1 for the
/// luminance, and some encoders count from zero. The file's structure must have been checked;
/// where it is not as expected, the rest is left as it is.
pub(super) fn renamed(file: &[u8]) -> Vec<u8> {
    let mut out = file.to_vec();
    let mut names: Vec<u8> = Vec::new();
    let mut at = 2;
    while let Some([0xff, marker]) = out.get(at..at + 2) {
        let marker = *marker;
        if marker == 0xff {
            at += 1;
            continue;
        }
        let Some([high, low]) = out.get(at + 2..at + 4) else { break };
        let end = at + 2 + usize::from(u16::from_be_bytes([*high, *low]));
        if marker == EOI || end > out.len() {
            break;
        }
        if is_frame(marker) {
            for (number, component) in (1..).zip(out[at + 10..end].chunks_exact_mut(3)) {
                let name = std::mem::replace(&mut component[0], number);
                names.push(name);
            }
        }
        if marker == SOS {
            let count = out.get(at + 4).map_or(0, |count| usize::from(*count));
            for selector in out[at + 5..end].chunks_exact_mut(2).take(count) {
                if let Some(index) = names.iter().position(|name| *name == selector[0]) {
                    selector[0] = index as u8 + 1;
                }
            }
            at = end + coded_bytes(&out[end..]);
        } else {
            at = end;
        }
    }
    out
}

/// How many bytes come before the marker that ends the entropy-coded data.
fn coded_bytes(data: &[u8]) -> usize {
    let ends = |pair: &[u8]| pair[0] == 0xff && !matches!(pair[1], 0x00 | 0xd0..=0xd7 | 0xff);
    data.windows(2).position(ends).unwrap_or(data.len())
}
