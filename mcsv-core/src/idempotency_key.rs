use std::fmt;
use std::str::FromStr;

/// Names one intended effect, so that asking for it twice has it once.
///
/// 1 to 200 visible ASCII characters (`!` to `~`): it fits a header, a column and a file name's
/// hash. The meaning is Stripe's and the IETF draft's `Idempotency-Key`: same key, same request,
/// same answer.
///
/// ```
/// use mcsv_core::IdempotencyKey;
///
/// let key: IdempotencyKey = "order-17".parse()?;
/// let mail = IdempotencyKey::derive("receipt-mail", &[key.as_str()]);
/// assert_eq!(mail, IdempotencyKey::derive("receipt-mail", &["order-17"]));
/// # Ok::<(), mcsv_core::ParseIdempotencyKeyError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct IdempotencyKey(Box<str>);

impl IdempotencyKey {
    /// The longest key, in bytes.
    pub const MAX_LEN: usize = 200;

    /// A key that depends on `namespace` and `parts` and on nothing else, for an effect that
    /// follows from another: 32 hex digits after the namespace's leading visible characters.
    ///
    /// Parts are delimited by length, so `["ab", "c"]` and `["a", "bc"]` differ. The digest is
    /// 128-bit FNV-1a: it spreads keys, it does not withstand someone who looks for a collision.
    #[must_use]
    pub fn derive(namespace: &str, parts: &[&str]) -> Self {
        let mut digest = Fnv128::new();
        for part in std::iter::once(&namespace).chain(parts) {
            digest.write(&(part.len() as u64).to_le_bytes());
            digest.write(part.as_bytes());
        }
        let label: String = namespace.chars().filter(char::is_ascii_graphic).take(64).collect();
        IdempotencyKey(format!("{label}-{:032x}", digest.0).into())
    }

    /// The key as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// [FNV-1a](https://www.rfc-editor.org/rfc/rfc9923) with 128 bits.
struct Fnv128(u128);

impl Fnv128 {
    fn new() -> Self {
        Fnv128(0x6c62_272e_07bb_0142_62b8_2175_6295_c58d)
    }

    fn write(&mut self, bytes: &[u8]) {
        const PRIME: u128 = 0x0000_0000_0100_0000_0000_0000_0000_013b;
        for &byte in bytes {
            self.0 = (self.0 ^ u128::from(byte)).wrapping_mul(PRIME);
        }
    }
}

impl FromStr for IdempotencyKey {
    type Err = ParseIdempotencyKeyError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text.is_empty() || text.len() > Self::MAX_LEN {
            return Err(ParseIdempotencyKeyError::Length(text.len()));
        }
        match text.bytes().position(|b| !b.is_ascii_graphic()) {
            Some(at) => Err(ParseIdempotencyKeyError::Character { at }),
            None => Ok(IdempotencyKey(text.into())),
        }
    }
}

impl fmt::Display for IdempotencyKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The text is no [`IdempotencyKey`].
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum ParseIdempotencyKeyError {
    /// It has this many bytes.
    Length(usize),
    /// The byte at this offset is not visible ASCII.
    Character {
        /// Offset in bytes.
        at: usize,
    },
}

impl fmt::Display for ParseIdempotencyKeyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Length(len) => {
                write!(f, "idempotency key of {len} bytes: give 1 to {}", IdempotencyKey::MAX_LEN)
            }
            Self::Character { at } => {
                write!(f, "byte {at} of the idempotency key is not visible ascii: use '!' to '~'")
            }
        }
    }
}

impl std::error::Error for ParseIdempotencyKeyError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn where_one_part_ends_matters() {
        let split = IdempotencyKey::derive("n", &["ab", "c"]);

        assert_ne!(split, IdempotencyKey::derive("n", &["a", "bc"]));
        assert_ne!(split, IdempotencyKey::derive("n", &["abc"]));
    }

    #[test]
    fn the_digest_is_fnv_1a() {
        let mut digest = Fnv128::new();
        digest.write(b"foobar");

        // From the test vectors of RFC 9923.
        assert_eq!(digest.0, 0x343e_1662_793c_64bf_6f0d_3597_ba44_6f18);
    }

    #[test]
    fn names_the_limit_and_the_place() {
        let too_long = "x".repeat(201).parse::<IdempotencyKey>().unwrap_err();
        assert_eq!(too_long.to_string(), "idempotency key of 201 bytes: give 1 to 200");

        let blank = "a b".parse::<IdempotencyKey>().unwrap_err();
        assert_eq!(blank, ParseIdempotencyKeyError::Character { at: 1 });
    }
}
