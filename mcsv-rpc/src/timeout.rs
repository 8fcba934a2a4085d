//! The two headers that carry a time-out, as [Connect] and [gRPC] define them.
//!
//! [Connect]: https://connectrpc.com/docs/protocol#unary-request
//! [gRPC]: https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md#requests

use std::time::{Duration, Instant};

use http::{HeaderName, HeaderValue};
use mcsv_core::{Deadline, Error, Result};

use crate::Protocol;
use crate::carried::Carried;

const CONNECT: HeaderName = HeaderName::from_static("connect-timeout-ms");
const GRPC: HeaderName = HeaderName::from_static("grpc-timeout");

/// The deadline that a request asks for, the earlier one where it carries both headers.
pub(crate) fn requested(
    carried: &Carried<'_>,
    now: impl FnOnce() -> Instant,
) -> Result<Option<Deadline>> {
    let (connect, grpc) = (carried.connect_timeout.first(), carried.grpc_timeout.first());
    let connect = connect.map(|value| read(&CONNECT, value, parse_connect)).transpose()?;
    let grpc = grpc.map(|value| read(&GRPC, value, parse_grpc)).transpose()?;
    let shortest = match (connect, grpc) {
        (Some(a), Some(b)) => a.min(b),
        (Some(a), None) | (None, Some(a)) => a,
        (None, None) => return Ok(None),
    };
    Ok(Some(Deadline::after(now(), shortest)))
}

/// The header for what is left, under the name that the protocol has for it.
pub(crate) fn header(protocol: Protocol, remaining: Duration) -> (HeaderName, HeaderValue) {
    match protocol {
        Protocol::Grpc => (GRPC, grpc_value(remaining)),
        // Twirp has none of its own.
        Protocol::Twirp | Protocol::Connect => (CONNECT, connect_value(remaining)),
    }
}

/// Never zero, since zero would be past on arrival.
fn connect_value(remaining: Duration) -> HeaderValue {
    const MOST: u128 = 9_999_999_999;
    HeaderValue::from(remaining.as_millis().clamp(1, MOST) as u64)
}

/// In the finest of two units that eight digits are enough for.
fn grpc_value(remaining: Duration) -> HeaderValue {
    const MOST: u128 = 99_999_999;
    let millis = remaining.as_millis().max(1);
    let text = match millis {
        ..=MOST => format!("{millis}m"),
        _ => format!("{}S", u128::from(remaining.as_secs()).min(MOST)),
    };
    // Digits and a letter.
    HeaderValue::try_from(text).unwrap_or(HeaderValue::from_static("1m"))
}

fn read(
    name: &HeaderName,
    value: &HeaderValue,
    parse: fn(&str) -> Option<Duration>,
) -> Result<Duration> {
    value.to_str().ok().and_then(parse).ok_or_else(|| {
        Error::invalid_argument(format!("bad header {name}: {value:?} is no time-out"))
    })
}

/// At most ten digits of milliseconds.
fn parse_connect(text: &str) -> Option<Duration> {
    digits(text, 10).map(Duration::from_millis)
}

/// At most eight digits and a unit.
fn parse_grpc(text: &str) -> Option<Duration> {
    let (number, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    let number = digits(number, 8)?;
    match unit {
        "H" => Some(Duration::from_secs(number * 3600)),
        "M" => Some(Duration::from_secs(number * 60)),
        "S" => Some(Duration::from_secs(number)),
        "m" => Some(Duration::from_millis(number)),
        "u" => Some(Duration::from_micros(number)),
        "n" => Some(Duration::from_nanos(number)),
        _ => None,
    }
}

fn digits(text: &str, most: usize) -> Option<u64> {
    let plain = (1..=most).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit());
    if plain { text.parse().ok() } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(parse: fn(&str) -> Option<Duration>, text: &str, millis: Option<u64>) {
        assert_eq!(parse(text), millis.map(Duration::from_millis), "{text:?}");
    }

    #[test]
    fn reads_connect_milliseconds() {
        check(parse_connect, "1500", Some(1500));
        check(parse_connect, "0", Some(0));
        for bad in ["", "-1", "+1", "1.5", "12345678901", "1s", " 1"] {
            check(parse_connect, bad, None);
        }
    }

    #[test]
    fn reads_grpc_units() {
        check(parse_grpc, "2H", Some(7_200_000));
        check(parse_grpc, "2M", Some(120_000));
        check(parse_grpc, "2S", Some(2000));
        check(parse_grpc, "2m", Some(2));
        check(parse_grpc, "2000u", Some(2));
        check(parse_grpc, "2000000n", Some(2));
        for bad in ["", "S", "2", "2s", "123456789S", "-2S", "2é"] {
            check(parse_grpc, bad, None);
        }
    }

    #[test]
    fn never_writes_zero() {
        assert_eq!(connect_value(Duration::from_micros(3)), "1");
        assert_eq!(connect_value(Duration::MAX), "9999999999");
        assert_eq!(grpc_value(Duration::from_micros(3)), "1m");
    }

    #[test]
    fn writes_at_most_eight_digits_for_grpc() {
        assert_eq!(grpc_value(Duration::from_millis(99_999_999)), "99999999m");
        assert_eq!(grpc_value(Duration::from_millis(100_000_000)), "100000S");
        assert_eq!(grpc_value(Duration::MAX), "99999999S");
    }
}
