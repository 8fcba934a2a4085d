/// A minute of the Gregorian calendar in UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Minute {
    pub(super) month: u8,
    pub(super) day: u8,
    /// From Sunday, 0.
    pub(super) weekday: u8,
    pub(super) hour: u8,
    pub(super) minute: u8,
}

pub(super) const DAY: i64 = 24 * 60;

/// The calendar's view of a number of minutes since 1970.
pub(super) fn minute(minutes: i64) -> Minute {
    let (days, rest) = (minutes.div_euclid(DAY), minutes.rem_euclid(DAY));
    let (month, day) = month_and_day(days);
    Minute {
        month,
        day,
        // 1970-01-01 was a Thursday.
        weekday: small((days + 4).rem_euclid(7)),
        hour: small(rest / 60),
        minute: small(rest % 60),
    }
}

/// The year begins in March here, so that the leap day is its last and months have a fixed rhythm.
fn month_and_day(days: i64) -> (u8, u8) {
    const ERA: i64 = 146_097; // days in 400 years
    let of_era = (days + 719_468).rem_euclid(ERA);
    let year = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let from_march = (5 * of_year + 2) / 153;
    let day = of_year - (153 * from_march + 2) / 5 + 1;
    let month = if from_march < 10 { from_march + 3 } else { from_march - 9 };
    (small(month), small(day))
}

fn small(number: i64) -> u8 {
    u8::try_from(number).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn knows_leap_days_and_weekdays() {
        // 2024-02-29 12:34, a Thursday; 2100-03-01 00:00, a Monday, after no leap day.
        let leap = minute(1_709_210_040 / 60);
        let century = minute(4_107_542_400 / 60);

        assert_eq!(leap, Minute { month: 2, day: 29, weekday: 4, hour: 12, minute: 34 });
        assert_eq!(century, Minute { month: 3, day: 1, weekday: 1, hour: 0, minute: 0 });
    }
}
