//! Percent-encoding, of the header `grpc-message` and of queries.
//!
//! <https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md#responses>

/// The longest encoded message, in bytes: many peers bound all headers together to 8 KiB.
const LONGEST: usize = 2048;

/// Printable ASCII stays, all else becomes `%XX`. What is too long is cut between characters.
pub(crate) fn encode(message: &str) -> String {
    const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
    let mut encoded = String::with_capacity(message.len().min(LONGEST));
    for character in message.chars() {
        let plain = matches!(character, ' '..='~') && character != '%';
        let length = if plain { 1 } else { 3 * character.len_utf8() };
        if encoded.len() + length > LONGEST {
            break;
        }
        if plain {
            encoded.push(character);
            continue;
        }
        for byte in character.encode_utf8(&mut [0; 4]).bytes() {
            encoded.push('%');
            encoded.push(DIGITS[usize::from(byte >> 4)].into());
            encoded.push(DIGITS[usize::from(byte & 15)].into());
        }
    }
    encoded
}

/// Never fails: what is no escape stays as it is, what is no UTF-8 is replaced.
pub(crate) fn decode(encoded: &[u8]) -> String {
    String::from_utf8_lossy(&decode_bytes(encoded)).into_owned()
}

/// Like [`decode`], for what need be no text.
pub(crate) fn decode_bytes(encoded: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(encoded.len());
    let mut rest = encoded;
    while let Some((first, after)) = rest.split_first() {
        rest = after;
        match (first, escaped(after)) {
            (b'%', Some(byte)) => {
                bytes.push(byte);
                rest = &after[2..];
            }
            _ => bytes.push(*first),
        }
    }
    bytes
}

/// The byte that the two digits at the start stand for.
fn escaped(digits: &[u8]) -> Option<u8> {
    let digit = |place: usize| (*digits.get(place)? as char).to_digit(16);
    Some((digit(0)? * 16 + digit(1)?) as u8)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn encodes_as_the_specification_says() {
        assert_eq!(encode("no such user: 5 %\n"), "no such user: 5 %25%0A");
        assert_eq!(encode("é\u{7f}"), "%C3%A9%7F");
    }

    #[test]
    fn what_is_no_escape_stays() {
        assert_eq!(decode(b"100% %4 %zz %25"), "100% %4 %zz %");
        assert_eq!(decode(b"%FF"), "\u{fffd}");
    }

    #[test]
    fn a_long_message_is_cut_between_characters() {
        let encoded = encode(&"é".repeat(10_000));
        assert!(encoded.len() <= LONGEST);
        assert_eq!(decode(encoded.as_bytes()).trim_end_matches('é'), "");
    }

    proptest! {
        #[test]
        fn a_message_comes_back(message in ".{0,200}") {
            prop_assert_eq!(decode(encode(&message).as_bytes()), message);
        }
    }
}
