//! The ticks of schedules where clocks are set, beside what chrono-tz makes of the same zones.

use std::collections::BTreeSet;
use std::time::{Duration, SystemTime};

use chrono::{
    DateTime, Datelike as _, LocalResult, NaiveDateTime, Offset as _, TimeDelta, TimeZone, Utc,
};
use chrono_tz::Tz;
use mcsv_jobs::Cron;
use proptest::prelude::*;

use crate::kit::Done;

/// As `2026-03-29T01:00Z`.
fn text(time: SystemTime) -> String {
    DateTime::<Utc>::from(time).format("%Y-%m-%dT%H:%MZ").to_string()
}

fn time(text: &str) -> SystemTime {
    let time = NaiveDateTime::parse_from_str(text, "%Y-%m-%dT%H:%MZ").unwrap();
    time.and_utc().into()
}

/// The ticks after the first of `times` are the others.
#[track_caller]
fn check(zone: &str, expr: &str, times: &[&str]) {
    let cron = Cron::new(expr).unwrap().in_zone(zone).unwrap();
    let (from, expected) = times.split_first().unwrap();
    let ticks = std::iter::successors(Some(time(from)), |at| cron.next_after(*at));
    let ticks: Vec<String> = ticks.skip(1).take(expected.len()).map(text).collect();
    assert_eq!(ticks, expected, "{cron}");
}

#[test]
fn a_time_in_a_gap_ticks_once_right_after_it() {
    let eve = "2026-03-28T12:00Z";
    let night = ["2026-03-28T12:00Z", "2026-03-29T01:00Z", "2026-03-30T00:30Z"];
    check("Europe/Berlin", "30 2 * * *", &night);
    check("Europe/Berlin", "0,30 2 * * *", &[eve, "2026-03-29T01:00Z", "2026-03-30T00:00Z"]);
    check("Europe/Berlin", "0 2,3 * * *", &[eve, "2026-03-29T01:00Z", "2026-03-30T00:00Z"]);
    check("Europe/Berlin", "30 2 29 3 *", &[eve, "2026-03-29T01:00Z", "2027-03-29T00:30Z"]);
    let night = ["2026-03-07T12:00Z", "2026-03-08T07:00Z", "2026-03-09T06:30Z"];
    check("America/New_York", "30 2 * * *", &night);
    // Half an hour.
    let night =
        ["2026-10-02T12:00Z", "2026-10-02T15:45Z", "2026-10-03T15:30Z", "2026-10-04T15:15Z"];
    check("Australia/Lord_Howe", "15 2 * * *", &night);
    // A quarter, once and for all.
    let night = ["1985-12-31T00:00Z", "1985-12-31T18:30Z", "1986-01-01T18:20Z"];
    check("Asia/Kathmandu", "5 0 * * *", &night);
    check("Asia/Kathmandu", "0 6 * * *", &["2026-01-01T00:00Z", "2026-01-01T00:15Z"]);
}

#[test]
fn a_day_that_never_was_ticks_as_the_next_one_begins() {
    let nights = ["2011-12-29T12:00Z", "2011-12-29T12:30Z", "2011-12-30T10:00Z"];
    check("Pacific/Apia", "30 2 * * *", &nights);
    let nights = ["2011-12-30T10:00Z", "2011-12-30T12:30Z", "2011-12-31T12:30Z"];
    check("Pacific/Apia", "30 2 * * *", &nights);
    let years = ["2010-12-31T00:00Z", "2011-12-30T10:00Z", "2012-12-29T10:00Z"];
    check("Pacific/Apia", "0 0 30 12 *", &years);
    // Real hours have no gap.
    let hours = ["2011-12-30T09:00Z", "2011-12-30T10:00Z", "2011-12-30T11:00Z"];
    check("Pacific/Apia", "0 * * * *", &hours);
}

#[test]
fn a_time_that_comes_twice_ticks_at_the_first() {
    let nights = ["2026-10-24T12:00Z", "2026-10-25T00:30Z", "2026-10-26T01:30Z"];
    check("Europe/Berlin", "30 2 * * *", &nights);
    let nights = ["2026-10-31T12:00Z", "2026-11-01T05:30Z", "2026-11-02T06:30Z"];
    check("America/New_York", "30 1 * * *", &nights);
    let nights = ["2026-04-04T12:00Z", "2026-04-04T14:45Z", "2026-04-05T15:15Z"];
    check("Australia/Lord_Howe", "45 1 * * *", &nights);
}

#[test]
fn a_distance_is_kept_while_the_clocks_are_set() {
    let halves = ["2026-10-24T23:50Z", "2026-10-25T00:00Z", "2026-10-25T00:30Z"];
    check("Europe/Berlin", "*/30 * * * *", &halves);
    let halves = ["2026-10-25T00:30Z", "2026-10-25T01:00Z", "2026-10-25T01:30Z"];
    check("Europe/Berlin", "*/30 * * * *", &halves);
    let hours = ["2026-03-29T00:00Z", "2026-03-29T00:30Z", "2026-03-29T01:30Z"];
    check("Europe/Berlin", "30 * * * *", &hours);
    let quarters = ["2026-04-04T14:50Z", "2026-04-04T15:00Z", "2026-04-04T15:15Z"];
    check("Australia/Lord_Howe", "*/15 * * * *", &quarters);
    // By the wall, where a minute or an hour begins with a star.
    check("Europe/Berlin", "*/30 2 * * *", &["2026-03-28T12:00Z", "2026-03-30T00:00Z"]);
    let twice =
        ["2026-10-24T12:00Z", "2026-10-25T00:00Z", "2026-10-25T00:30Z", "2026-10-25T01:00Z"];
    check("Europe/Berlin", "*/30 2 * * *", &twice);
}

#[test]
fn an_unknown_zone_is_refused_by_its_name_with_a_remedy() -> Done {
    for (zone, remedy) in [
        ("Berlin", "did you mean Europe/Berlin?"),
        ("new york", "did you mean America/New_York?"),
        ("Mars/Base", "give a name of the IANA database, such as Europe/Berlin"),
        ("", "give a name of the IANA database, such as Europe/Berlin"),
        ("../../etc/passwd", "give a name of the IANA database, such as Europe/Berlin"),
    ] {
        let error = Cron::new("0 6 * * *")?.in_zone(zone).unwrap_err();
        assert!(error.is_invalid());
        assert_eq!(error.to_string(), format!("unknown time zone {zone:?}: {remedy}"));
    }
    assert!(Cron::new("0 6 * * * Mars").unwrap_err().to_string().contains("\"Mars\""));
    assert_eq!(Cron::new("0 6 * * * europe/berlin")?.to_string(), "0 6 * * * Europe/Berlin");
    assert_eq!(Cron::new("0 6 * * *")?.in_zone("utc")?.to_string(), "0 6 * * *");
    Ok(())
}

/// An expression as its makers know it: not by the parser under test.
#[derive(Clone, Debug)]
struct Known {
    minutes: BTreeSet<u32>,
    hours: BTreeSet<u32>,
    weekdays: BTreeSet<u32>,
    text: String,
    fixed: bool,
}

impl Known {
    fn has(&self, wall: NaiveDateTime) -> bool {
        use chrono::Timelike as _;

        let weekday = wall.weekday().num_days_from_sunday();
        self.minutes.contains(&wall.minute())
            && self.hours.contains(&wall.hour())
            && self.weekdays.contains(&weekday)
    }

    /// The ticks of a stretch of time, from the words of the rules and not from their code.
    fn ticks(
        &self,
        zone: Tz,
        from: DateTime<Utc>,
        until: DateTime<Utc>,
    ) -> BTreeSet<DateTime<Utc>> {
        let minutes = |from, until| {
            let minute = TimeDelta::minutes(1);
            std::iter::successors(Some(from), move |at| Some(*at + minute))
                .take_while(move |at| *at < until)
        };
        let within = |at: &DateTime<Utc>| *at >= from && *at < until;
        if !self.fixed {
            let all = minutes(from.naive_utc(), until.naive_utc()).map(|at| at.and_utc());
            return all
                .filter(|at| self.has(zone.from_utc_datetime(&at.naive_utc()).naive_local()))
                .collect();
        }
        // Walls differ from UTC by a day at most, and gaps are no longer.
        let margin = TimeDelta::days(3);
        let walls = minutes(from.naive_utc() - margin, until.naive_utc() + margin);
        walls.filter(|wall| self.has(*wall)).map(|wall| first(zone, wall)).filter(within).collect()
    }
}

/// When this is on the wall for the first time, or, where it never is, when the gap ends.
fn first(zone: Tz, wall: NaiveDateTime) -> DateTime<Utc> {
    let mut wall = wall;
    loop {
        match zone.from_local_datetime(&wall) {
            LocalResult::Single(at) | LocalResult::Ambiguous(at, _) => {
                return at.with_timezone(&Utc);
            }
            LocalResult::None => wall += TimeDelta::minutes(1),
        }
    }
}

fn some_of(range: std::ops::Range<u32>) -> impl Strategy<Value = BTreeSet<u32>> {
    prop::collection::btree_set(range, 1..4)
}

fn known() -> impl Strategy<Value = Known> {
    let list = |set: &BTreeSet<u32>| set.iter().map(u32::to_string).collect::<Vec<_>>().join(",");
    let parts = (some_of(0..60), some_of(0..5), some_of(0..7), 0..5_u8);
    parts.prop_map(move |(minutes, hours, weekdays, shape)| {
        let all = |count| (0..count).collect::<BTreeSet<u32>>();
        let (mut known, days) = (
            Known { minutes, hours, weekdays: all(7), text: String::new(), fixed: shape > 2 },
            list(&weekdays),
        );
        let mut fields = [list(&known.minutes), list(&known.hours), "*".to_owned()];
        match shape {
            0 => (known.hours, fields[1]) = (all(24), "*".to_owned()),
            1 => (known.minutes, fields[0]) = (all(60), "*".to_owned()),
            2 => {
                known.minutes = all(60).into_iter().filter(|minute| minute % 20 == 0).collect();
                fields[0] = "*/20".to_owned();
            }
            3 => (known.weekdays, fields[2]) = (weekdays, days),
            _ => {}
        }
        known.text = format!("{} {} * * {}", fields[0], fields[1], fields[2]);
        known
    })
}

/// The day before clocks are set in that year, or any day of a year in which they are not.
fn eve(zone: Tz, year: i32, pick: usize) -> DateTime<Utc> {
    let first = Utc.with_ymd_and_hms(year, 1, 1, 0, 0, 0).unwrap();
    let days: Vec<_> = (0..365).map(|day| first + TimeDelta::days(day)).collect();
    let ahead = |at: &DateTime<Utc>| zone.offset_from_utc_datetime(&at.naive_utc()).fix();
    let sets = days.windows(2).filter(|pair| ahead(&pair[0]) != ahead(&pair[1]));
    let sets: Vec<_> = sets.map(|pair| pair[0]).collect();
    let day = if sets.is_empty() { days[pick % 365] } else { sets[pick % sets.len()] };
    day - TimeDelta::days(1)
}

const ZONES: [&str; 12] = [
    "Europe/Berlin",
    "America/New_York",
    "Australia/Lord_Howe",
    "Pacific/Apia",
    "Asia/Kathmandu",
    "America/St_Johns",
    "Africa/Casablanca",
    "America/Caracas",
    "Asia/Pyongyang",
    "Antarctica/Troll",
    "America/Sao_Paulo",
    "Africa/Cairo",
];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    /// From 1975 to 2024: later rules may differ between two releases of the IANA database.
    #[test]
    fn the_ticks_are_those_of_another_implementation_of_civil_time(
        known in known(),
        zone in prop::sample::select(&ZONES),
        year in 1975..2024_i32,
        pick in 0..365_usize,
    ) {
        let tz: Tz = zone.parse().unwrap();
        let from = eve(tz, year, pick);
        let until = from + TimeDelta::days(4);

        let cron = Cron::new(&known.text)?.in_zone(zone)?;
        let before: SystemTime = (from - TimeDelta::minutes(1)).into();
        let ticks = std::iter::successors(cron.next_after(before), |at| cron.next_after(*at));
        let ticks = ticks.map(DateTime::<Utc>::from).take_while(|at| *at < until);

        let ticks: BTreeSet<_> = ticks.collect();
        prop_assert_eq!(ticks, known.ticks(tz, from, until), "{} in {}", known.text, zone);
    }
}

#[test]
fn a_tick_is_told_in_any_time_that_a_system_has() -> Done {
    let cron = Cron::new("0 0 1 1 * Asia/Kathmandu")?;
    let far = SystemTime::UNIX_EPOCH + Duration::from_secs(4_000_000_000);

    assert!(cron.next_after(far).is_some_and(|next| next > far));
    Ok(())
}
