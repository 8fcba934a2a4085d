use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, MetricEncoder, text};
use prometheus_client::metrics::MetricType;
use prometheus_client::registry::Registry;

use super::families::{Family, Series};
use super::labels::Labels;
use super::process::ProcessStats;
use super::{Recorder, series::CounterSeries};

/// The text format of a page of metrics.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exposition {
    /// OpenMetrics 1.0, with exemplars.
    OpenMetrics,
    /// The Prometheus text format 0.0.4.
    Plain,
}

impl Exposition {
    pub(crate) fn content_type(self) -> &'static str {
        match self {
            Exposition::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
            Exposition::Plain => "text/plain; version=0.0.4; charset=utf-8",
        }
    }
}

pub(crate) fn render(recorder: Recorder, exposition: Exposition) -> Result<String, fmt::Error> {
    let mut registry = Registry::default();
    registry.register_collector(Box::new(Page { recorder, exposition }));
    let mut page = String::new();
    match exposition {
        Exposition::OpenMetrics => text::encode(&mut page, &registry)?,
        Exposition::Plain => {
            text::encode_registry(&mut page, &registry)?;
            page = without_exemplars(&page);
        }
    }
    Ok(page)
}

#[derive(Debug)]
struct Page {
    recorder: Recorder,
    exposition: Exposition,
}

impl Collector for Page {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        self.recorder.read(|families| {
            let mut all = families.0.iter();
            all.try_for_each(|(name, family)| self.family(&mut encoder, name, family))?;
            // Where the program keeps these itself, each would stand twice, which no scraper takes.
            if families.0.keys().any(|name| name.starts_with("process_")) {
                return Ok(());
            }
            ProcessStats::read().map_or(Ok(()), |stats| self.process(&mut encoder, &stats))
        })
    }
}

impl Page {
    fn family(
        &self,
        encoder: &mut DescriptorEncoder<'_>,
        name: &str,
        family: &Family,
    ) -> fmt::Result {
        let help = &family.help;
        match &family.series {
            Series::None => Ok(()),
            Series::Counters(counters) => self.counters(encoder, name, help, counters),
            Series::Gauges(gauges) => {
                let mut encoder = encoder.encode_descriptor(name, help, None, MetricType::Gauge)?;
                gauges.iter().try_for_each(|(labels, gauge)| {
                    encoder.encode_family(labels)?.encode_gauge(&gauge.value())
                })
            }
            Series::Histograms(histograms) => {
                let mut encoder =
                    encoder.encode_descriptor(name, help, None, MetricType::Histogram)?;
                histograms.iter().try_for_each(|(labels, histogram)| {
                    histogram.encode(encoder.encode_family(labels)?)
                })
            }
        }
    }

    fn counters(
        &self,
        encoder: &mut DescriptorEncoder<'_>,
        name: &str,
        help: &str,
        counters: &BTreeMap<Labels, Arc<CounterSeries>>,
    ) -> fmt::Result {
        let total = format!("{name}_total");
        let written = if self.exposition == Exposition::Plain { total.as_str() } else { name };
        let mut encoder = encoder.encode_descriptor(written, help, None, MetricType::Counter)?;
        counters.iter().try_for_each(|(labels, counter)| {
            let encoder = encoder.encode_family(labels)?;
            match self.exposition {
                Exposition::OpenMetrics => counter.encode(encoder),
                Exposition::Plain => plain_counter(encoder, counter.value()),
            }
        })
    }

    fn process(&self, encoder: &mut DescriptorEncoder<'_>, stats: &ProcessStats) -> fmt::Result {
        let cpu = "process_cpu_seconds";
        let help = "Processor time of all threads, in user and system mode.";
        match self.exposition {
            Exposition::OpenMetrics => encoder
                .encode_descriptor(cpu, help, None, MetricType::Counter)?
                .encode_counter::<Labels, _, f64>(&stats.cpu_seconds, None)?,
            Exposition::Plain => encoder
                .encode_descriptor(&format!("{cpu}_total"), help, None, MetricType::Counter)?
                .encode_gauge(&stats.cpu_seconds)?,
        }
        for (name, help, value) in stats.gauges() {
            encoder.encode_descriptor(name, help, None, MetricType::Gauge)?.encode_gauge(&value)?;
        }
        Ok(())
    }
}

/// In the older format a counter's name ends in `_total` already where it is declared, and its line
/// looks like a gauge's.
fn plain_counter(mut encoder: MetricEncoder<'_>, value: u64) -> fmt::Result {
    encoder.encode_gauge(&value)
}

/// The older format has no exemplars; the encoder has no way to leave them out.
fn without_exemplars(page: &str) -> String {
    let mut kept = String::with_capacity(page.len());
    for line in page.lines() {
        kept.push_str(if line.starts_with('#') { line } else { sample(line) });
        kept.push('\n');
    }
    kept
}

/// A sample up to its exemplar: the first ` # ` that is in no label value.
fn sample(line: &str) -> &str {
    let (mut quoted, mut escaped) = (false, false);
    for (at, byte) in line.bytes().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = quoted,
            b'"' => quoted = !quoted,
            b'#' if !quoted => return line[..at].trim_end(),
            _ => {}
        }
    }
    line
}
