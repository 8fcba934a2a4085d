use std::fmt;
use std::str::FromStr;

/// The id of one trace: 16 bytes, not all zero, 32 lower-case hex digits in print.
///
/// [W3C Trace Context, section 3.2.2.3](https://www.w3.org/TR/trace-context/#trace-id).
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TraceId([u8; 16]);

/// The id of one span in a trace: 8 bytes, not all zero, 16 lower-case hex digits in print.
///
/// [W3C Trace Context, section 3.2.2.4](https://www.w3.org/TR/trace-context/#parent-id).
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SpanId([u8; 8]);

macro_rules! id {
    ($name:ident, $len:literal, $digits:literal) => {
        impl $name {
            /// A new id, random enough to be unique, not to be a secret.
            #[must_use]
            pub fn random() -> Self {
                let mut bytes = [0; $len];
                while bytes == [0; $len] {
                    fastrand::fill(&mut bytes);
                }
                Self(bytes)
            }

            /// The id in these bytes.
            ///
            /// # Errors
            ///
            /// All bytes are zero, which the format reserves for "no id".
            pub fn from_bytes(bytes: [u8; $len]) -> Result<Self, ParseTraceIdError> {
                if bytes == [0; $len] {
                    return Err(ParseTraceIdError { digits: $digits });
                }
                Ok(Self(bytes))
            }

            /// The bytes of the id.
            #[must_use]
            pub fn to_bytes(self) -> [u8; $len] {
                self.0
            }
        }

        impl FromStr for $name {
            type Err = ParseTraceIdError;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                let digits: Option<&[u8; $digits]> = text.as_bytes().try_into().ok();
                let bytes = digits.and_then(decode_lower_hex);
                Self::from_bytes(bytes.ok_or(ParseTraceIdError { digits: $digits })?)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                let mut digits = [0; $digits];
                encode_lower_hex(&self.0, &mut digits);
                f.write_str(str::from_utf8(&digits).map_err(|_| fmt::Error)?)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self)
            }
        }
    };
}

id!(TraceId, 16, 32);
id!(SpanId, 8, 16);

/// Ids are in every line of a log: a formatter for each byte costs too much.
pub(crate) fn encode_lower_hex(bytes: &[u8], into: &mut [u8]) {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    for (byte, pair) in bytes.iter().zip(into.as_chunks_mut::<2>().0) {
        *pair = [DIGITS[usize::from(byte >> 4)], DIGITS[usize::from(byte & 15)]];
    }
}

/// The bytes that lower-case hex digits say: upper case is not in the format. `D` is twice `B`.
pub(crate) fn decode_lower_hex<const D: usize, const B: usize>(text: &[u8; D]) -> Option<[u8; B]> {
    /// The value of each digit; all others have more than four bits.
    const VALUES: [u8; 256] = {
        let mut values = [0xff; 256];
        let mut value = 0;
        while value < 16 {
            values[b"0123456789abcdef"[value] as usize] = value as u8;
            value += 1;
        }
        values
    };
    let (mut bytes, mut all) = ([0; B], 0);
    for (byte, pair) in bytes.iter_mut().zip(text.as_chunks::<2>().0) {
        let [high, low] = pair.map(|digit| VALUES[usize::from(digit)]);
        all |= high | low;
        *byte = high << 4 | low;
    }
    (all < 16).then_some(bytes)
}

/// The text is no trace or span id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ParseTraceIdError {
    digits: u8,
}

impl fmt::Display for ParseTraceIdError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "bad id: expected {} lower-case hex digits, not all zero", self.digits)
    }
}

impl std::error::Error for ParseTraceIdError {}
