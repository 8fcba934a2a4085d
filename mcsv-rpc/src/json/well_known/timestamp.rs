use prost_types::Timestamp;

use super::fraction::{Fraction, nanos};
use crate::json::{JsonError, JsonMessage, JsonReader, JsonWriter};

const DAY: i64 = 86_400;
/// From year 1 to the end of year 9999, as `timestamp.proto` says.
const SECONDS: std::ops::RangeInclusive<i64> = -62_135_596_800..=253_402_300_799;

/// RFC 3339: `"2026-11-30T10:00:20.021Z"`.
impl JsonMessage for Timestamp {
    const IS_PLAIN_OBJECT: bool = false;

    fn write_json(&self, out: &mut JsonWriter) {
        let Timestamp { seconds, nanos } = *self;
        let fraction = match u32::try_from(nanos) {
            Ok(nanos) if nanos < 1_000_000_000 && SECONDS.contains(&seconds) => Fraction(nanos),
            _ => {
                return out.fail(JsonError::of_value(format!(
                    "a time of {seconds} s and {nanos} ns has no JSON form: use the years 1 to 9999"
                )));
            }
        };
        let (year, month, day) = date(seconds.div_euclid(DAY));
        let second = seconds.rem_euclid(DAY);
        let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
        out.quoted(format_args!(
            "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}{fraction}Z"
        ));
    }

    fn read_json(input: &mut JsonReader<'_>) -> Result<Self, JsonError> {
        let text = input.string()?;
        parse(&text).ok_or_else(|| {
            input.error("expected a time of RFC 3339 such as \"2026-11-30T10:00:20Z\"")
        })
    }
}

fn parse(text: &str) -> Option<Timestamp> {
    let (stamp, rest) = text.split_at_checked(19)?;
    let marks = stamp.bytes().enumerate().all(|(at, byte)| match at {
        4 | 7 => byte == b'-',
        10 => byte == b'T',
        13 | 16 => byte == b':',
        _ => byte.is_ascii_digit(),
    });
    if !marks {
        return None;
    }
    let part = |from: usize, to: usize| stamp[from..to].parse::<i64>().ok();
    let (year, month, day) = (part(0, 4)?, part(5, 7)?, part(8, 10)?);
    let time = seconds_of_day(part(11, 13)?, part(14, 16)?, part(17, 19)?)?;
    let days = days(year, month, day);
    // The way back finds days that the month does not have.
    if date(days) != (year, month, day) {
        return None;
    }
    let (fraction, zone) = match rest.strip_prefix('.') {
        Some(rest) => rest.split_at(rest.bytes().take_while(|b| b.is_ascii_digit()).count()),
        None => ("0", rest),
    };
    let seconds = days * DAY + time - offset(zone)?;
    let nanos = nanos(fraction)? as i32;
    SECONDS.contains(&seconds).then_some(Timestamp { seconds, nanos })
}

fn seconds_of_day(hour: i64, minute: i64, second: i64) -> Option<i64> {
    (hour < 24 && minute < 60 && second < 60).then_some(hour * 3600 + minute * 60 + second)
}

/// `Z`, or hours and minutes ahead of it.
fn offset(zone: &str) -> Option<i64> {
    if zone == "Z" {
        return Some(0);
    }
    let (sign, rest) = match zone.split_at_checked(1)? {
        ("+", rest) => (1, rest),
        ("-", rest) => (-1, rest),
        _ => return None,
    };
    let (hour, minute) = rest.split_once(':')?;
    let two = |text: &str| text.len() == 2 && text.bytes().all(|b| b.is_ascii_digit());
    if !two(hour) || !two(minute) {
        return None;
    }
    Some(sign * seconds_of_day(hour.parse().ok()?, minute.parse().ok()?, 0)?)
}

/// Days since 1970 of a date in the Gregorian calendar.
///
/// Years begin in March here, so that the day of a leap year is the last of its year.
fn days(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let month_from_march = (month + 9) % 12;
    let day_of_year = (153 * month_from_march + 2) / 5 + day - 1;
    365 * year + year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400) + day_of_year
        - 719_468
}

/// The date of a day since 1970, for the years 0 to 9999.
fn date(days: i64) -> (i64, i64, i64) {
    const FOUR_CENTURIES: i64 = 146_097;
    let days = days + 719_468;
    let (era, day) = (days.div_euclid(FOUR_CENTURIES), days.rem_euclid(FOUR_CENTURIES));
    let year = (day - day / 1460 + day / 36_524 - day / 146_096) / 365;
    let day_of_year = day - (365 * year + year / 4 - year / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = (month_from_march + 2) % 12 + 1;
    (era * 400 + year + i64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_day_is_found_again() {
        let (first, last) = (SECONDS.start() / DAY, SECONDS.end() / DAY);
        let mut expected = (1, 1, 1);
        for day in first..=last {
            assert_eq!(date(day), expected);
            assert_eq!(days(expected.0, expected.1, expected.2), day);
            expected = next(expected);
        }
        assert_eq!(expected, (10_000, 1, 1));
    }

    fn next((year, month, day): (i64, i64, i64)) -> (i64, i64, i64) {
        let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
        let length = match month {
            2 if leap => 29,
            2 => 28,
            4 | 6 | 9 | 11 => 30,
            _ => 31,
        };
        match (month, day) {
            (12, 31) => (year + 1, 1, 1),
            (_, day) if day == length => (year, month + 1, 1),
            (_, day) => (year, month, day + 1),
        }
    }
}
