use jiff::Timestamp;
use jiff::tz::TimeZone;

/// A time zone: whose clock on the wall a schedule goes by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Zone(TimeZone);

/// A stretch of time in which the clock on the wall is not set, in minutes since 1970.
#[derive(Clone, Copy, Debug)]
pub(super) struct Span {
    pub(super) from: i64,
    /// The first minute that is no longer within.
    pub(super) until: i64,
    /// How far the wall's clock is ahead of UTC.
    pub(super) ahead: i64,
    /// And how far it was until then.
    pub(super) ahead_before: i64,
}

impl Zone {
    pub(super) const UTC: Zone = Zone(TimeZone::UTC);

    /// The zone of this name in the IANA database that is built in.
    #[cfg(feature = "zones")]
    pub(super) fn named(name: &str) -> Result<Self, crate::Error> {
        let zones = zones();
        zones.get(name).map(Zone).map_err(|_| unknown(name, zones))
    }

    /// The name, unless it is UTC.
    pub(super) fn name(&self) -> Option<&str> {
        self.0.iana_name().filter(|_| *self != Zone::UTC)
    }

    pub(super) fn span_at(&self, minute: i64) -> Span {
        let at = instant(minute);
        let ahead = self.ahead_at(at);
        let until = self.0.following(at).next();
        // Strictly before, and this very instant may be the one.
        let from = self.0.preceding(instant(minute + 1)).next();
        Span {
            from: from.as_ref().map_or(i64::MIN, |set| minutes(set.timestamp().as_second())),
            until: until.map_or(i64::MAX, |set| minutes(set.timestamp().as_second())),
            ahead,
            ahead_before: from.map_or(ahead, |set| self.ahead_at(second_before(set.timestamp()))),
        }
    }

    fn ahead_at(&self, at: Timestamp) -> i64 {
        minutes(i64::from(self.0.to_offset(at).seconds()))
    }
}

#[cfg(not(feature = "zones"))]
impl Zone {
    pub(super) fn named(_: &str) -> Result<Self, crate::Error> {
        Err(crate::Error::invalid("a time zone: build mcsv-jobs with its feature zones"))
    }
}

/// Not the system's: all processes of a cluster are to agree, and a container need not have one.
#[cfg(feature = "zones")]
fn zones() -> &'static jiff::tz::TimeZoneDatabase {
    static ZONES: std::sync::LazyLock<jiff::tz::TimeZoneDatabase> =
        std::sync::LazyLock::new(jiff::tz::TimeZoneDatabase::bundled);
    &ZONES
}

#[cfg(feature = "zones")]
fn unknown(name: &str, zones: &jiff::tz::TimeZoneDatabase) -> crate::Error {
    let shown: String = name.chars().take(64).collect();
    let is_meant = |zone: &str| {
        let city = zone.rsplit('/').next().unwrap_or(zone);
        city.eq_ignore_ascii_case(&name.replace(' ', "_"))
    };
    let meant = zones.available().map(|zone| zone.to_string()).find(|zone| is_meant(zone));
    let remedy = meant.map_or_else(
        || "give a name of the IANA database, such as Europe/Berlin".to_owned(),
        |zone| format!("did you mean {zone}?"),
    );
    crate::Error::invalid(format!("unknown time zone {shown:?}: {remedy}"))
}

pub(super) fn instant(minute: i64) -> Timestamp {
    let end = if minute < 0 { Timestamp::MIN } else { Timestamp::MAX };
    Timestamp::from_second(minute.saturating_mul(60)).unwrap_or(end)
}

fn second_before(at: Timestamp) -> Timestamp {
    Timestamp::from_second(at.as_second() - 1).unwrap_or(Timestamp::MIN)
}

fn minutes(seconds: i64) -> i64 {
    seconds.div_euclid(60)
}
