//! Nanoseconds as the digits after a point.

use std::fmt;

/// Writes `nanos`, below a billion: nothing for none, or a point and 3, 6 or 9 digits.
pub(super) struct Fraction(pub(super) u32);

impl fmt::Display for Fraction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            0 => Ok(()),
            nanos if nanos % 1_000_000 == 0 => write!(f, ".{:03}", nanos / 1_000_000),
            nanos if nanos % 1_000 == 0 => write!(f, ".{:06}", nanos / 1_000),
            nanos => write!(f, ".{nanos:09}"),
        }
    }
}

/// Reads one to nine digits.
pub(super) fn nanos(digits: &str) -> Option<u32> {
    let exact = (1..=9).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_digit());
    let number: u32 = exact.then(|| digits.parse().ok())??;
    Some(number * 10_u32.pow(9 - digits.len() as u32))
}
