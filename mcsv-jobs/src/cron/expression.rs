use std::fmt;
use std::str::FromStr;

use jiff::civil::DateTime;
use jiff::tz::Offset;

use super::zone::instant;
use crate::Error;

/// A cron expression of five fields: minute, hour, day of month, month, day of week.
///
/// Each field is `*`, a number, a range `a-b`, a step `*/n` or `a-b/n`, or a list of those with
/// commas. Months and weekdays may be names of three letters; Sunday is 0 or 7. Where both days are
/// restricted, a day matches if either does, as in every cron since the first. Whose clock it goes
/// by is said by [`Cron`](crate::Cron).
///
/// ```
/// use mcsv_jobs::CronExpr;
///
/// let quarters: CronExpr = "*/15 * * * *".parse()?;
/// assert_eq!(quarters.to_string(), "*/15 * * * *");
/// assert!("61 * * * *".parse::<CronExpr>().is_err());
/// assert!("0 0 30 feb *".parse::<CronExpr>().is_err()); // never
/// # Ok::<(), mcsv_jobs::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CronExpr {
    text: String,
    minutes: u64,
    hours: u64,
    days: u64,
    months: u64,
    weekdays: u64,
    either_day: bool,
    fixed: bool,
}

const DAY: i64 = 24 * 60;
/// The longest time between two ticks of any expression, in minutes: 29 February, across 2100.
pub(super) const LONGEST: i64 = 8 * 366 * DAY;

/// Times on a wall, as minutes since its 1970 began.
impl CronExpr {
    /// The first time that matches, from `from` on and before `until`.
    pub(super) fn first_in(&self, from: i64, until: i64) -> Option<i64> {
        let mut at = from;
        while at < until {
            let unit = self.mismatch(at);
            if unit == 0 {
                return Some(at);
            }
            at = (at.div_euclid(unit) + 1) * unit;
        }
        None
    }

    /// The last of them.
    pub(super) fn last_in(&self, from: i64, until: i64) -> Option<i64> {
        let mut end = until;
        while end > from {
            let unit = self.mismatch(end - 1);
            if unit == 0 {
                return Some(end - 1);
            }
            end = (end - 1).div_euclid(unit) * unit;
        }
        None
    }

    /// Whether it names times of a day rather than a distance.
    pub(super) fn is_fixed(&self) -> bool {
        self.fixed
    }

    /// How many minutes around `at` match as little as it does: its day, its hour, itself, or none.
    fn mismatch(&self, at: i64) -> i64 {
        let here = Offset::UTC.to_datetime(instant(at));
        match here {
            _ if !self.has_day(here) => DAY,
            _ if !has(self.hours, here.hour()) => 60,
            _ if !has(self.minutes, here.minute()) => 1,
            _ => 0,
        }
    }

    fn has_day(&self, here: DateTime) -> bool {
        let weekday = has(self.weekdays, here.weekday().to_sunday_zero_offset());
        let day = has(self.days, here.day());
        let day = if self.either_day { day || weekday } else { day && weekday };
        has(self.months, here.month()) && day
    }
}

fn has(set: u64, value: i8) -> bool {
    set & (1 << value) != 0
}

impl FromStr for CronExpr {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let fields: Vec<&str> = text.split_ascii_whitespace().collect();
        let [minutes, hours, days, months, weekdays] = fields[..] else {
            return Err(bad(text, "give five fields, such as \"*/15 * * * *\""));
        };
        let read = |field: &str, range: Range| {
            set(field, range).ok_or_else(|| {
                let Range { name, first, last, .. } = range;
                let why = format!("{name} {:?} is wrong: give {first} to {last}", shown(field));
                bad(text, &format!("{why}, as in \"*\", \"{first},{last}\" or \"*/2\""))
            })
        };
        let weekday_set = read(weekdays, WEEKDAY)?;
        let expr = CronExpr {
            minutes: read(minutes, MINUTE)?,
            hours: read(hours, HOUR)?,
            days: read(days, DAY_OF_MONTH)?,
            months: read(months, MONTH)?,
            // Sunday has two numbers.
            weekdays: (weekday_set | weekday_set >> 7) & 0x7f,
            either_day: !days.starts_with('*') && !weekdays.starts_with('*'),
            fixed: !minutes.starts_with('*') && !hours.starts_with('*'),
            text: fields.join(" "),
        };
        match expr.first_in(0, LONGEST) {
            Some(_) => Ok(expr),
            None => Err(bad(text, "no day is ever that day")),
        }
    }
}

fn bad(text: &str, why: &str) -> Error {
    Error::invalid(format!("cron expression {:?}: {why}", shown(text)))
}

fn shown(text: &str) -> String {
    text.chars().take(64).collect()
}

#[derive(Clone, Copy)]
struct Range {
    name: &'static str,
    first: u8,
    last: u8,
    names: &'static [&'static str],
}

const MINUTE: Range = Range { name: "the minute", first: 0, last: 59, names: &[] };
const HOUR: Range = Range { name: "the hour", first: 0, last: 23, names: &[] };
const DAY_OF_MONTH: Range = Range { name: "the day of month", first: 1, last: 31, names: &[] };
const MONTH: Range = Range {
    name: "the month",
    first: 1,
    last: 12,
    names: &["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"],
};
const WEEKDAY: Range = Range {
    name: "the day of week",
    first: 0,
    last: 7,
    names: &["sun", "mon", "tue", "wed", "thu", "fri", "sat"],
};

fn set(field: &str, range: Range) -> Option<u64> {
    field.split(',').try_fold(0, |set, part| Some(set | part_set(part, range)?))
}

fn part_set(part: &str, range: Range) -> Option<u64> {
    let (span, step) = match part.split_once('/') {
        Some((span, step)) => (span, Some(number(step)?)),
        None => (part, None),
    };
    let (first, last) = match span.split_once('-') {
        Some((first, last)) => (value(first, range)?, value(last, range)?),
        None if span == "*" => (range.first, range.last),
        None => {
            let first = value(span, range)?;
            // `5/10` is read as from 5 on.
            (first, if step.is_some() { range.last } else { first })
        }
    };
    let step = step.unwrap_or(1);
    if step == 0 || first > last {
        return None;
    }
    Some((first..=last).step_by(usize::from(step)).fold(0, |set, value| set | 1 << value))
}

fn value(text: &str, range: Range) -> Option<u8> {
    let named = range.names.iter().position(|name| text.eq_ignore_ascii_case(name));
    let value = match named {
        Some(index) => range.first + u8::try_from(index).ok()?,
        None => number(text)?,
    };
    (range.first..=range.last).contains(&value).then_some(value)
}

/// Digits only: `parse` alone would take a sign.
fn number(text: &str) -> Option<u8> {
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok())?
}

impl fmt::Display for CronExpr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // 2024-02-28 23:50, a Wednesday.
    const NOW: i64 = 1_709_164_200 / 60;

    #[track_caller]
    fn check(text: &str, next_in: i64) {
        let expr: CronExpr = text.parse().unwrap();
        let next = expr.first_in(NOW + 1, NOW + LONGEST).unwrap();
        assert_eq!(next - NOW, next_in, "{text}");
        assert_eq!(expr.last_in(NOW + 1, next + 1), Some(next), "{text}");
        assert_eq!(expr.last_in(NOW + 1, next), None, "{text}");
    }

    #[test]
    fn finds_the_next_time() {
        check("* * * * *", 1);
        check("*/15 * * * *", 10);
        check("0 0 * * *", 10);
        check("30 6 29 2 *", 10 + 6 * 60 + 30);
        check("0 12 * * mon-fri", 10 + 12 * 60);
        check("0 0 1,15 * *", 10 + DAY);
        check("0 0 1 * sun", 10 + DAY);
        check("55 23 * FEB 3", 5);
        check("0 0 * * 7", 10 + 3 * DAY);
    }

    #[test]
    fn knows_that_2100_has_no_leap_day() {
        let expr: CronExpr = "0 0 29 2 *".parse().unwrap();
        // 2096-02-29 and 2104-02-29, both 00:00.
        let (leap, next) = (3_981_312_000 / 60, 4_233_686_400 / 60);

        assert_eq!(expr.first_in(leap + 1, i64::MAX), Some(next));
        assert_eq!(expr.last_in(i64::MIN, next), Some(leap));
        assert!(next - leap < LONGEST);
    }

    #[test]
    fn tells_the_field_at_fault_and_what_it_takes() {
        let refused = |text: &str| text.parse::<CronExpr>().unwrap_err().to_string();

        assert_eq!(
            refused("0 24 * * *"),
            r#"cron expression "0 24 * * *": the hour "24" is wrong: give 0 to 23, as in "*", "0,23" or "*/2""#
        );
        assert!(refused("* * * dez *").contains(r#"the month "dez" is wrong: give 1 to 12"#));
    }

    #[test]
    fn refuses_what_is_no_expression() {
        for text in [
            "",
            "*",
            "* * * *",
            "* * * * * *",
            "60 * * * *",
            "* 24 * * *",
            "* * 0 * *",
            "* * * 13 *",
            "* * * * 8",
            "*/0 * * * *",
            "5-1 * * * *",
            "+5 * * * *",
            "a * * * *",
            "1,,2 * * * *",
            "1- * * * *",
            "0 0 31 4 *",
        ] {
            assert!(text.parse::<CronExpr>().is_err(), "{text:?}");
        }
    }
}
