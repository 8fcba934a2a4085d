//! Base64 as peers write it: either alphabet, with or without padding.

use base64::Engine;
use base64::alphabet::{STANDARD, URL_SAFE};
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

const LENIENT: GeneralPurposeConfig = GeneralPurposeConfig::new()
    .with_decode_padding_mode(DecodePaddingMode::Indifferent)
    .with_decode_allow_trailing_bits(true);
const OF_STANDARD: GeneralPurpose = GeneralPurpose::new(&STANDARD, LENIENT);
const OF_URL_SAFE: GeneralPurpose = GeneralPurpose::new(&URL_SAFE, LENIENT);

/// The bytes, or `None` where `text` is no base64.
pub(crate) fn decode(text: &[u8]) -> Option<Vec<u8>> {
    let url_safe = text.iter().any(|byte| matches!(byte, b'-' | b'_'));
    let engine = if url_safe { OF_URL_SAFE } else { OF_STANDARD };
    engine.decode(text).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_alphabets_are_read_with_and_without_padding() {
        for text in ["+/8=", "+/8", "-_8=", "-_8"] {
            assert_eq!(decode(text.as_bytes()), Some(vec![0xfb, 0xff]), "{text}");
        }
        assert_eq!(decode(b"!"), None);
    }
}
