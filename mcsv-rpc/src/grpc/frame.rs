use bytes::Bytes;
use mcsv_core::{Error, Result};

/// The bytes in front of a message: a flag and the length.
pub(crate) const PREFIX: usize = 5;

/// Fills in the prefix of a message that was written after it.
pub(crate) fn seal(framed: &mut [u8], compressed: u8) -> Result<()> {
    let length = framed.len() - PREFIX;
    let length = u32::try_from(length).map_err(|_| {
        Error::resource_exhausted(format!("a message of {length} bytes is too long for gRPC"))
    })?;
    framed[0] = compressed;
    framed[1..PREFIX].copy_from_slice(&length.to_be_bytes());
    Ok(())
}

/// The bytes that a body has by the prefix of its message, as far as that is there.
pub(crate) fn announced(body: &[u8]) -> usize {
    match body.first_chunk() {
        Some(&[_, a, b, c, d]) => PREFIX.saturating_add(u32::from_be_bytes([a, b, c, d]) as usize),
        None => 0,
    }
}

/// The one message of a body, and whether it is compressed.
pub(crate) fn open(mut body: Bytes) -> Result<(bool, Bytes)> {
    if body.is_empty() {
        return Err(Error::unimplemented("the body holds no message: send exactly one"));
    }
    if body.len() < PREFIX {
        return Err(Error::malformed("the body ends within a message's prefix"));
    }
    let prefix = body.split_to(PREFIX);
    let length = u32::from_be_bytes([prefix[1], prefix[2], prefix[3], prefix[4]]) as usize;
    if body.len() < length {
        let held = body.len();
        let problem = format!("the body ends after {held} bytes of a message of {length}");
        return Err(Error::malformed(problem));
    }
    if body.len() > length {
        return Err(Error::unimplemented("the body holds more than one message: send exactly one"));
    }
    match prefix[0] {
        0 => Ok((false, body)),
        1 => Ok((true, body)),
        flag => Err(Error::malformed(format!("unknown flag {flag} in front of a message"))),
    }
}

#[cfg(test)]
mod tests {
    use mcsv_core::Code;
    use proptest::prelude::*;

    use super::*;

    #[track_caller]
    fn check(body: &'static [u8], code: Code) {
        assert_eq!(open(Bytes::from_static(body)).unwrap_err().code(), code, "{body:?}");
    }

    #[test]
    fn a_body_that_is_not_one_message_is_refused() {
        check(b"", Code::Unimplemented);
        check(&[0, 0, 0], Code::Malformed);
        check(&[0, 0, 0, 0, 2, 7], Code::Malformed);
        check(&[0, 0, 0, 0, 0, 0, 0, 0, 0, 0], Code::Unimplemented);
        check(&[2, 0, 0, 0, 0], Code::Malformed);
        check(&[0, 0xff, 0xff, 0xff, 0xff, 1], Code::Malformed);
    }

    proptest! {
        #[test]
        fn what_was_sealed_opens(message in proptest::collection::vec(any::<u8>(), 0..300)) {
            let mut framed = vec![0; PREFIX];
            framed.extend_from_slice(&message);
            seal(&mut framed, 1).unwrap();
            let (compressed, opened) = open(framed.into()).unwrap();
            prop_assert!(compressed);
            prop_assert_eq!(opened, message);
        }

        #[test]
        fn any_bytes_are_a_message_or_an_error(body in proptest::collection::vec(any::<u8>(), 0..40)) {
            let _ = open(body.into());
        }
    }
}
