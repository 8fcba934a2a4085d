use prost_types::Duration;

use super::fraction::{Fraction, nanos};
use crate::json::{JsonError, JsonMessage, JsonReader, JsonWriter};

/// About 10,000 years, as `duration.proto` says.
const MOST_SECONDS: i64 = 315_576_000_000;
const BILLION: i32 = 1_000_000_000;

/// Seconds with a fraction and an `s`: `"1.5s"`.
impl JsonMessage for Duration {
    const IS_PLAIN_OBJECT: bool = false;

    fn write_json(&self, out: &mut JsonWriter) {
        let Duration { seconds, nanos } = *self;
        let one_sign = (seconds >= 0 && nanos >= 0) || (seconds <= 0 && nanos <= 0);
        if !one_sign || !(-MOST_SECONDS..=MOST_SECONDS).contains(&seconds) || nanos.abs() >= BILLION
        {
            return out.fail(JsonError::of_value(format!(
                "a duration of {seconds} s and {nanos} ns has no JSON form: normalize it"
            )));
        }
        let sign = if seconds < 0 || nanos < 0 { "-" } else { "" };
        let fraction = Fraction(nanos.unsigned_abs());
        out.quoted(format_args!("{sign}{}{fraction}s", seconds.unsigned_abs()));
    }

    fn read_json(input: &mut JsonReader<'_>) -> Result<Self, JsonError> {
        let text = input.string()?;
        parse(&text).ok_or_else(|| input.error("expected a duration such as \"1.5s\""))
    }
}

fn parse(text: &str) -> Option<Duration> {
    let text = text.strip_suffix('s')?;
    let (text, sign) = match text.strip_prefix('-') {
        Some(rest) => (rest, -1),
        None => (text, 1),
    };
    let (whole, nanos) = match text.split_once('.') {
        Some((whole, digits)) => (whole, nanos(digits)?),
        None => (text, 0),
    };
    let plain = !whole.is_empty() && whole.bytes().all(|byte| byte.is_ascii_digit());
    let seconds: i64 = plain.then(|| whole.parse().ok())??;
    let in_range = seconds <= MOST_SECONDS;
    in_range.then_some(Duration { seconds: sign * seconds, nanos: sign as i32 * nanos as i32 })
}
