use std::time::{SystemTime, UNIX_EPOCH};

/// A second in the two spellings of AWS's signatures.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct AmzDate {
    /// `YYYYMMDD'T'HHMMSS'Z'`, in ASCII.
    text: [u8; 16],
}

impl AmzDate {
    /// The date of `time`; the first of 1970 for what lies before.
    pub(crate) fn at(time: SystemTime) -> Self {
        Self::of(time.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs())
    }

    /// The date of a Unix second before the year 10000.
    pub(crate) fn of(unix: u64) -> Self {
        let (days, second) = (unix / 86_400, unix % 86_400);
        let (year, month, day) = civil(days);
        let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
        let mut text = *b"YYYYMMDDThhmmssZ";
        let dates = [(0, year / 100), (2, year % 100), (4, month), (6, day)];
        for (at, pair) in dates.into_iter().chain([(9, hour), (11, minute), (13, second)]) {
            // `format!` takes its time, and a date is in every signature.
            text[at] = b'0' + (pair / 10 % 10) as u8;
            text[at + 1] = b'0' + (pair % 10) as u8;
        }
        AmzDate { text }
    }

    pub(crate) fn as_str(&self) -> &str {
        std::str::from_utf8(&self.text).unwrap_or_default()
    }

    /// `YYYYMMDD`.
    pub(crate) fn day(&self) -> &str {
        &self.as_str()[..8]
    }
}

/// Year, month and day of a day since 1970 in the Gregorian calendar.
///
/// Years are counted from March, so that the leap day is a year's last and the lengths of the
/// months follow one formula.
fn civil(days: u64) -> (u64, u64, u64) {
    const FROM_YEAR_0: u64 = 719_468;
    const DAYS_OF_400_YEARS: u64 = 146_097;
    let days = days + FROM_YEAR_0;
    let (era, day) = (days / DAYS_OF_400_YEARS, days % DAYS_OF_400_YEARS);
    let year = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let march_month = (5 * day + 2) / 153;
    let month = if march_month < 10 { march_month + 3 } else { march_month - 9 };
    let year = era * 400 + year + u64::from(month <= 2);
    (year, month, day - (153 * march_month + 2) / 5 + 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::{Duration, UNIX_EPOCH};

    #[test]
    fn agrees_with_the_http_date_on_every_day() {
        const MONTHS: [&str; 12] =
            ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
        for day in 0..60_000 {
            let unix = day * 86_400 + day % 86_400;
            // "Fri, 24 May 2013 00:00:00 GMT"
            let http = httpdate::fmt_http_date(UNIX_EPOCH + Duration::from_secs(unix));
            let part = |range: std::ops::Range<usize>| &http[range];
            let month = 1 + MONTHS.iter().position(|name| *name == part(8..11)).unwrap();
            let clock = part(17..25).replace(':', "");
            let expected = format!("{}{month:02}{}T{clock}Z", part(12..16), part(5..7));

            assert_eq!(AmzDate::of(unix).as_str(), expected);
        }
    }

    #[test]
    fn a_leap_day_has_its_own_date() {
        assert_eq!(AmzDate::of(1_709_164_800).as_str(), "20240229T000000Z");
        assert_eq!(AmzDate::of(1_369_353_600).day(), "20130524");
    }
}
