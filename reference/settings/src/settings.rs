use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Display;
use std::ops::RangeInclusive;
use std::time::Duration;

use crate::SettingsError;

/// The environment, being read.
///
/// A method that meets a bad value notes the fault, answers the default, and goes on, so that
/// [`finish`](Self::finish) can name all of them at once.
#[derive(Debug)]
pub struct Settings {
    variables: BTreeMap<String, String>,
    read: BTreeMap<&'static str, String>,
    faults: BTreeSet<String>,
}

impl Settings {
    /// The environment of this process. A variable that is set to nothing counts as not set.
    #[must_use]
    pub fn from_env() -> Self {
        // Names and values that are no UTF-8 can't be ours; they are kept out rather than fatal.
        Self::from_pairs(std::env::vars_os().filter_map(|(name, value)| {
            Some((name.into_string().ok()?, value.to_string_lossy().into_owned()))
        }))
    }

    /// These variables and no others.
    pub fn from_pairs<N: Into<String>, V: Into<String>>(
        pairs: impl IntoIterator<Item = (N, V)>,
    ) -> Self {
        let pairs = pairs.into_iter().map(|(name, value)| (name.into(), value.into()));
        let variables = pairs.filter(|(_, value): &(_, String)| !value.is_empty()).collect();
        Settings { variables, read: BTreeMap::new(), faults: BTreeSet::new() }
    }

    /// A text.
    pub fn text(&mut self, name: &'static str, default: &str) -> String {
        let value = self.variables.get(name).cloned().unwrap_or_else(|| default.to_owned());
        self.read.insert(name, value.clone());
        value
    }

    /// A URL of one of `schemes`, with a host.
    pub fn url(&mut self, name: &'static str, default: &str, schemes: &[&str]) -> String {
        let accepts = format!("a URL such as {}://host:port", schemes.join(":// or "));
        let given = self.parsed(name, &accepts, |text| {
            let url: http::Uri = text.parse().ok()?;
            let fits = schemes.contains(&url.scheme_str()?) && url.host().is_some();
            fits.then(|| text.to_owned())
        });
        self.defaulted(name, given, default.to_owned(), String::clone)
    }

    /// A whole number in `range`.
    pub fn number(&mut self, name: &'static str, default: u64, range: RangeInclusive<u64>) -> u64 {
        let accepts = format!("a whole number from {} to {}", range.start(), range.end());
        let value = self.parsed(name, &accepts, |text| {
            text.parse().ok().filter(|number| range.contains(number))
        });
        self.defaulted(name, value, default, u64::to_string)
    }

    /// A time: a number with `s`, `m`, `h` or `d`, in `range`.
    pub fn duration(
        &mut self,
        name: &'static str,
        default: Duration,
        range: RangeInclusive<Duration>,
    ) -> Duration {
        let accepts = format!(
            "a time such as 90s, 15m, 1h or 7d, from {:?} to {:?}",
            range.start(),
            range.end()
        );
        let value = self.parsed(name, &accepts, |text| {
            parse_duration(text).filter(|time| range.contains(time))
        });
        self.defaulted(name, value, default, |time| format!("{}s", time.as_secs()))
    }

    /// A value of any kind that `parse` can read; what it `accepts` is said in the fault.
    pub fn parsed<T>(
        &mut self,
        name: &'static str,
        accepts: &str,
        parse: impl FnOnce(&str) -> Option<T>,
    ) -> Option<T> {
        let text = self.variables.get(name)?.trim();
        let value = parse(text);
        if value.is_none() {
            self.faults.insert(format!("{name}={text:?}: give {accepts}"));
        }
        self.read.insert(name, text.to_owned());
        value
    }

    /// Like [`parsed`](Self::parsed), for a value that is neither printed nor repeated in a fault.
    pub fn secret<T>(
        &mut self,
        name: &'static str,
        accepts: &str,
        parse: impl FnOnce(&str) -> Option<T>,
    ) -> Option<T> {
        let value = parse(self.variables.get(name)?.trim());
        if value.is_none() {
            self.faults.insert(format!("{name}: give {accepts}"));
        }
        self.read.insert(name, "[set]".to_owned());
        value
    }

    /// Notes that what was read can't be used, for a check that needs more than one value.
    pub fn fault(&mut self, name: &'static str, reason: impl Display) {
        self.faults.insert(format!("{name}: {reason}"));
    }

    /// Logs what was read, warns of `MCSV_*` names that nothing reads, and ends the reading.
    ///
    /// # Errors
    ///
    /// All faults that were met.
    pub fn finish(self) -> Result<(), SettingsError> {
        if !self.faults.is_empty() {
            return Err(SettingsError::new(self.faults.into_iter().collect()));
        }
        let unknown = self
            .variables
            .keys()
            .filter(|name| name.starts_with("MCSV_") && !self.read.contains_key(name.as_str()));
        for name in unknown {
            tracing::warn!(name, "nothing reads this variable: check its spelling");
        }
        let settings: Vec<_> =
            self.read.iter().map(|(name, value)| format!("{name}={value}")).collect();
        tracing::info!(settings = settings.join(" "), "configured");
        Ok(())
    }

    fn defaulted<T>(
        &mut self,
        name: &'static str,
        value: Option<T>,
        default: T,
        show: impl FnOnce(&T) -> String,
    ) -> T {
        let value = value.unwrap_or(default);
        self.read.insert(name, show(&value));
        value
    }
}

fn parse_duration(text: &str) -> Option<Duration> {
    let (number, seconds) = match text.char_indices().last()? {
        (at, 's') => (&text[..at], 1),
        (at, 'm') => (&text[..at], 60),
        (at, 'h') => (&text[..at], 60 * 60),
        (at, 'd') => (&text[..at], 24 * 60 * 60),
        _ => (text, 1),
    };
    number.parse::<u64>().ok()?.checked_mul(seconds).map(Duration::from_secs)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_every_bad_variable_with_what_it_accepts() {
        let mut settings = Settings::from_pairs([("PORT", "http"), ("IMAGE_MAX_AGE", "soon")]);
        settings.number("PORT", 1, 1..=65_535);
        let hour = Duration::from_secs(3600);
        settings.duration("IMAGE_MAX_AGE", hour, Duration::from_secs(1)..=hour);

        let error = settings.finish().unwrap_err();

        assert_eq!(error.faults().len(), 2);
        assert!(error.to_string().contains("PORT=\"http\": give a whole number from 1 to 65535"));
        assert!(error.to_string().contains("IMAGE_MAX_AGE=\"soon\""));
    }

    #[test]
    fn reads_times_in_the_usual_units() {
        let read = |text| parse_duration(text).map(|time| time.as_secs());

        assert_eq!(
            ["90", "90s", "15m", "1h", "7d"].map(read),
            [90, 90, 900, 3600, 604_800].map(Some)
        );
        assert_eq!(["", "h", "-1s", "1w", "99999999999999999999d"].map(read), [None; 5]);
    }

    #[test]
    fn a_url_has_a_scheme_that_fits_and_a_host() {
        for bad in ["ftp://x", "files.example.org", "http://", "http:/x", "/x"] {
            let mut settings = Settings::from_pairs([("JOB_SVC_URL", bad)]);
            settings.url("JOB_SVC_URL", "http://127.0.0.1:8082", &["http"]);
            let error = settings.finish().unwrap_err().to_string();
            assert!(error.contains("JOB_SVC_URL") && error.contains("http://host:port"), "{error}");
        }
    }

    #[test]
    fn an_empty_variable_is_not_set() {
        let mut settings = Settings::from_pairs([("HOST", "")]);

        assert_eq!(settings.text("HOST", "127.0.0.1"), "127.0.0.1");
    }
}
