use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::sync::{Arc, OnceLock, PoisonError, RwLock};

use metrics::{Counter, Gauge, Histogram, Key, KeyName, Metadata, SharedString, Unit};

use super::buckets::Buckets;
use super::families::Families;
use super::labels::{Labels, metric_name};
use super::page::{self, Exposition};
use super::series::{CounterSeries, GaugeSeries, HistogramSeries};
use crate::{Error, Result};

static PROCESS: OnceLock<Recorder> = OnceLock::new();

/// The recorder that [`install`](crate::Telemetry::install) made the process's.
pub(crate) fn process_recorder() -> Option<&'static Recorder> {
    PROCESS.get()
}

/// Takes the values of the `metrics` facade and keeps them for the scraper.
///
/// Clones are handles on the same values. Memory is bounded: by the number of metrics, of label sets
/// per metric ([`with_series_limit`](crate::Telemetry::with_series_limit)), of labels and of bytes
/// in each. Counters and histograms that are touched in a sampled trace keep its id as an exemplar.
///
/// A name is of one kind: values of a second kind under the same name are dropped. Characters that
/// Prometheus does not allow in a name become `_`.
#[derive(Clone)]
pub struct Recorder {
    shared: Arc<Shared>,
}

struct Shared {
    max_series: usize,
    buckets: Buckets,
    families: RwLock<Families>,
    counters: Index<Counter>,
    gauges: Index<Gauge>,
    histograms: Index<Histogram>,
}

/// The handles of keys that have a series of their own: the fast way, one look-up under a read lock.
type Index<T> = RwLock<HashMap<Key, T>>;

impl Recorder {
    pub(crate) fn new(max_series: usize, buckets: BTreeMap<String, Vec<f64>>) -> Result<Self> {
        if max_series == 0 {
            return Err(Error::invalid("with_series_limit(0) is not accepted: give at least 1"));
        }
        let shared = Shared {
            max_series,
            buckets: Buckets::new(buckets)?,
            families: RwLock::default(),
            counters: Index::default(),
            gauges: Index::default(),
            histograms: Index::default(),
        };
        Ok(Recorder { shared: Arc::new(shared) })
    }

    pub(crate) fn serve_for_the_process(&self) {
        let _ = PROCESS.set(self.clone());
    }

    /// All values as text; `None` only if the encoder fails.
    pub(crate) fn render(&self, exposition: Exposition) -> Option<String> {
        page::render(self.clone(), exposition).ok()
    }

    pub(crate) fn read<R>(&self, read: impl FnOnce(&Families) -> R) -> R {
        read(&self.shared.families.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn write<R>(&self, write: impl FnOnce(&mut Families) -> R) -> R {
        write(&mut self.shared.families.write().unwrap_or_else(PoisonError::into_inner))
    }

    /// The series of `labels`, or the one for the overflow.
    fn series<T>(
        &self,
        all: &mut BTreeMap<Labels, Arc<T>>,
        labels: Labels,
        new: impl FnOnce() -> Arc<T>,
    ) -> (Arc<T>, Room) {
        if let Some(series) = all.get(&labels) {
            return (series.clone(), Room::Own);
        }
        let room = if all.len() < self.shared.max_series { Room::Own } else { Room::Overflow };
        let labels = if room == Room::Own { labels } else { Labels::overflow() };
        (all.entry(labels).or_insert_with(new).clone(), room)
    }
}

/// Whether a label set has a series of its own.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Room {
    Own,
    Overflow,
}

fn lookup<T: Clone>(index: &Index<T>, key: &Key) -> Option<T> {
    index.read().unwrap_or_else(PoisonError::into_inner).get(key).cloned()
}

/// Remembers the handle of a key that has room. One without would let the index grow for ever.
fn remember<T: Clone>(index: &Index<T>, key: &Key, handle: T, room: Room) -> T {
    if room == Room::Own {
        let mut index = index.write().unwrap_or_else(PoisonError::into_inner);
        index.insert(key.clone(), handle.clone());
    }
    handle
}

/// A counter's name without the ending that the format adds.
fn counter_name(name: &str) -> String {
    let name = metric_name(name);
    name.strip_suffix("_total").map_or_else(|| name.clone(), str::to_owned)
}

impl metrics::Recorder for Recorder {
    fn describe_counter(&self, key: KeyName, _unit: Option<Unit>, description: SharedString) {
        self.write(|families| families.describe(&counter_name(key.as_str()), &description));
    }

    fn describe_gauge(&self, key: KeyName, _unit: Option<Unit>, description: SharedString) {
        self.write(|families| families.describe(&metric_name(key.as_str()), &description));
    }

    fn describe_histogram(&self, key: KeyName, unit: Option<Unit>, description: SharedString) {
        self.describe_gauge(key, unit, description);
    }

    fn register_counter(&self, key: &Key, _metadata: &Metadata<'_>) -> Counter {
        if let Some(counter) = lookup(&self.shared.counters, key) {
            return counter;
        }
        let found = self.write(|families| {
            let counters = families.counters(&counter_name(key.name()))?;
            Some(self.series(counters, Labels::of(key), CounterSeries::new))
        });
        let Some((series, room)) = found else { return Counter::noop() };
        remember(&self.shared.counters, key, Counter::from_arc(series), room)
    }

    fn register_gauge(&self, key: &Key, _metadata: &Metadata<'_>) -> Gauge {
        if let Some(gauge) = lookup(&self.shared.gauges, key) {
            return gauge;
        }
        let found = self.write(|families| {
            let gauges = families.gauges(&metric_name(key.name()))?;
            Some(self.series(gauges, Labels::of(key), GaugeSeries::new))
        });
        let Some((series, room)) = found else { return Gauge::noop() };
        remember(&self.shared.gauges, key, Gauge::from_arc(series), room)
    }

    fn register_histogram(&self, key: &Key, _metadata: &Metadata<'_>) -> Histogram {
        if let Some(histogram) = lookup(&self.shared.histograms, key) {
            return histogram;
        }
        let name = metric_name(key.name());
        let bounds = self.shared.buckets.of(&name);
        let found = self.write(|families| {
            let histograms = families.histograms(&name)?;
            Some(self.series(histograms, Labels::of(key), || HistogramSeries::new(bounds)))
        });
        let Some((series, room)) = found else { return Histogram::noop() };
        remember(&self.shared.histograms, key, Histogram::from_arc(series), room)
    }
}

impl fmt::Debug for Recorder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Recorder").finish_non_exhaustive()
    }
}
