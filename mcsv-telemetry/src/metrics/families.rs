use std::collections::BTreeMap;
use std::sync::Arc;

use super::labels::{Labels, help_text};
use super::series::{CounterSeries, GaugeSeries, HistogramSeries};

/// The most metrics of one process; further ones are not kept.
const MAX_FAMILIES: usize = 2000;

/// One metric: its help text and its series.
#[derive(Debug)]
pub(crate) struct Family {
    pub(crate) help: String,
    pub(crate) series: Series,
}

/// The series of one metric, all of one kind.
#[derive(Debug)]
pub(crate) enum Series {
    /// Described and not used yet.
    None,
    Counters(BTreeMap<Labels, Arc<CounterSeries>>),
    Gauges(BTreeMap<Labels, Arc<GaugeSeries>>),
    Histograms(BTreeMap<Labels, Arc<HistogramSeries>>),
}

/// All metrics, by the name under which they are written.
#[derive(Debug, Default)]
pub(crate) struct Families(pub(crate) BTreeMap<String, Family>);

impl Families {
    pub(crate) fn describe(&mut self, name: &str, help: &str) {
        if let Some(family) = self.family(name) {
            family.help = help_text(help);
        }
    }

    /// The counters of a name; `None` if there is no room or the name is of another kind.
    pub(crate) fn counters(
        &mut self,
        name: &str,
    ) -> Option<&mut BTreeMap<Labels, Arc<CounterSeries>>> {
        let series = &mut self.family(name)?.series;
        if matches!(series, Series::None) {
            *series = Series::Counters(BTreeMap::new());
        }
        if let Series::Counters(counters) = series { Some(counters) } else { None }
    }

    /// The gauges of a name, likewise.
    pub(crate) fn gauges(&mut self, name: &str) -> Option<&mut BTreeMap<Labels, Arc<GaugeSeries>>> {
        let series = &mut self.family(name)?.series;
        if matches!(series, Series::None) {
            *series = Series::Gauges(BTreeMap::new());
        }
        if let Series::Gauges(gauges) = series { Some(gauges) } else { None }
    }

    /// The histograms of a name, likewise.
    pub(crate) fn histograms(
        &mut self,
        name: &str,
    ) -> Option<&mut BTreeMap<Labels, Arc<HistogramSeries>>> {
        let series = &mut self.family(name)?.series;
        if matches!(series, Series::None) {
            *series = Series::Histograms(BTreeMap::new());
        }
        if let Series::Histograms(histograms) = series { Some(histograms) } else { None }
    }

    fn family(&mut self, name: &str) -> Option<&mut Family> {
        if self.0.len() >= MAX_FAMILIES && !self.0.contains_key(name) {
            return None;
        }
        let new = || Family { help: String::new(), series: Series::None };
        Some(self.0.entry(name.to_owned()).or_insert_with(new))
    }
}
