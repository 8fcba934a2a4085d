use std::fmt;
use std::io::IsTerminal as _;
use std::sync::Arc;

use tracing::level_filters::LevelFilter;

use tracing::{Dispatch, Metadata, Subscriber};
use tracing_log::AsLog as _;
use tracing_subscriber::filter::{EnvFilter, FilterExt as _, filter_fn};
use tracing_subscriber::fmt::writer::BoxMakeWriter;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::{Layer, Registry};

use crate::env::{Env, rejected};
use crate::log::{Colour, LogFormat, LogLayer};
use crate::trace::{self, OtelBridge, TracePipeline, TraceSettings};
use crate::{
    Error, Guard, MetricsService, Recorder, Result, Telemetry, panic_hook, service, unread,
};

/// The longest name of a service, in bytes.
const MAX_SERVICE_NAME: usize = 128;

/// Crates whose spans describe the way to the peer and not the work.
const NOT_EXPORTED: [&str; 5] = ["h2", "hyper", "hyper_util", "reqwest", "rustls"];

/// Telemetry that is built and not installed; made by [`Telemetry::build`].
///
/// ```
/// use mcsv_telemetry::Telemetry;
///
/// # fn main() -> mcsv_telemetry::Result<()> {
/// let pipeline = Telemetry::new("test").with_env([("LOG_FORMAT", "json")]).build()?;
/// tracing::dispatcher::with_default(pipeline.dispatch(), || tracing::info!("here only"));
/// metrics::with_local_recorder(pipeline.recorder(), || metrics::counter!("n").increment(1));
/// # Ok(())
/// # }
/// ```
pub struct Pipeline {
    dispatch: Dispatch,
    recorder: Recorder,
    guard: Guard,
}

impl Pipeline {
    pub(crate) fn new(telemetry: Telemetry) -> Result<Self> {
        let env = &telemetry.env;
        let service = service_name(env, &telemetry.service)?;
        let log_filter = log_filter(env, &telemetry.default_filter)?;
        let recorder = Recorder::new(telemetry.max_series, telemetry.buckets)?;
        metrics::with_local_recorder(&recorder, trace::describe_metrics);
        let endpoint = telemetry.otlp_endpoint.as_ref().map(|url| url.expose().as_str());
        let settings = TraceSettings::read(env, &service, endpoint)?;
        let format = log_format(env, telemetry.log_format)?;
        let colour = colour(env, telemetry.writer.is_some())?;
        let writer = telemetry.writer.unwrap_or_else(|| BoxMakeWriter::new(std::io::stderr));
        let traces = settings.map(TracePipeline::start).transpose()?;

        let log = LogLayer::new(format, colour, writer, Arc::from(service))
            .with_filter(log_filter.or(filter_fn(is_known).with_max_level_hint(LevelFilter::INFO)));
        // The log layer goes first: it has to know a span's service before the exporter's span is
        // started.
        let subscriber = Registry::default().with(log).with(traces.as_ref().map(export_layer));
        let dispatch = Dispatch::new(subscriber);
        if let Some(traces) = &traces {
            traces.warn_through(dispatch.downgrade());
        }
        tracing::dispatcher::with_default(&dispatch, || unread::warn(env));
        let guard = Guard::new(traces, telemetry.shutdown_timeout);
        Ok(Pipeline { dispatch, recorder, guard })
    }

    /// What takes the spans and events.
    #[must_use]
    pub fn dispatch(&self) -> &Dispatch {
        &self.dispatch
    }

    /// What takes the metrics.
    #[must_use]
    pub fn recorder(&self) -> &Recorder {
        &self.recorder
    }

    /// Serves what the [recorder](Self::recorder) took.
    #[must_use]
    pub fn metrics_service(&self) -> MetricsService {
        MetricsService::of(self.recorder.clone())
    }

    /// Whether spans are exported to a collector.
    #[must_use]
    pub fn exports_traces(&self) -> bool {
        self.guard.exports_traces()
    }

    /// Delivers the spans that are queued, and ends the export, as [`Guard::shutdown`] does.
    ///
    /// # Errors
    ///
    /// Spans were lost: [`is_undelivered`](crate::Error::is_undelivered).
    pub fn shutdown(self) -> Result<()> {
        self.guard.shutdown()
    }

    /// Ties mcsv-core's trace contexts to the exporter's spans, if there is an exporter. Again is
    /// fine.
    ///
    /// [`install`](Self::install) does this too.
    ///
    /// # Errors
    ///
    /// The process has a bridge that is not of this crate.
    pub fn install_trace_bridge(&self) -> Result<()> {
        use std::sync::OnceLock;
        static INSTALLED: OnceLock<bool> = OnceLock::new();
        if !self.guard.exports_traces() {
            return Ok(());
        }
        let installed = || mcsv_core::install_trace_bridge(OtelBridge).is_ok();
        match INSTALLED.get_or_init(installed) {
            true => Ok(()),
            false => Err(Error::already_installed("a trace bridge")),
        }
    }

    /// Makes this the telemetry of the process, as [`Telemetry::install`] does.
    ///
    /// # Errors
    ///
    /// The process has a subscriber, a recorder or a bridge already. They are tried in this order,
    /// and what was installed before the one that failed stays, with its exporter ended: this error
    /// is meant to end the program.
    pub fn install(self) -> Result<Guard> {
        tracing::dispatcher::set_global_default(self.dispatch.clone())
            .map_err(|error| Error::already_installed("a tracing subscriber").with_source(error))?;
        metrics::set_global_recorder(self.recorder.clone())
            .map_err(|_| Error::already_installed("a metrics recorder"))?;
        self.install_trace_bridge()?;
        self.recorder.serve_for_the_process();
        // Records of the log crate are an extra: where another logger takes them, that one stays.
        let _ = tracing_log::LogTracer::builder()
            .with_max_level(LevelFilter::current().as_log())
            .init();
        panic_hook::install();
        Ok(self.guard)
    }
}

impl fmt::Debug for Pipeline {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pipeline").field("guard", &self.guard).finish_non_exhaustive()
    }
}

fn service_name(env: &Env, default: &str) -> Result<String> {
    const NAME: &str = "OTEL_SERVICE_NAME";
    let name = env.get(NAME)?.unwrap_or_else(|| default.to_owned());
    if name.is_empty() || name.len() > MAX_SERVICE_NAME || name.chars().any(char::is_control) {
        return Err(rejected(NAME, &name, "1 to 128 bytes without control characters"));
    }
    Ok(name)
}

fn log_filter(env: &Env, default: &str) -> Result<EnvFilter> {
    const NAME: &str = "RUST_LOG";
    let (name, directives) = match env.get(NAME)? {
        Some(directives) => (NAME, directives),
        None => ("with_default_filter", default.to_owned()),
    };
    // A panic is told whatever the filter says, as it is without any telemetry. A directive for the
    // same target that follows replaces this one.
    let all = format!("{}=error,{directives}", panic_hook::TARGET);
    EnvFilter::builder().parse(all).map_err(|error| {
        rejected(name, &directives, "directives such as info,my_crate=debug").with_source(error)
    })
}

fn log_format(env: &Env, code: Option<LogFormat>) -> Result<LogFormat> {
    // It is read in any case, so that a wrong value is told also where the code has chosen.
    let chosen = env.parse("LOG_FORMAT", "json or pretty")?;
    let terminal = std::io::stderr().is_terminal();
    let default = if terminal { LogFormat::Pretty } else { LogFormat::Json };
    Ok(code.or(chosen).unwrap_or(default))
}

fn colour(env: &Env, own_writer: bool) -> Result<Colour> {
    let off = own_writer || !std::io::stderr().is_terminal() || env.get("NO_COLOR")?.is_some();
    Ok(if off { Colour::Off } else { Colour::On })
}

/// Spans that every log line knows, whatever lines are written: a filter for lines would
/// otherwise take the service, the fields and the trace off those that remain.
fn is_known(metadata: &Metadata<'_>) -> bool {
    metadata.is_span() && *metadata.level() <= LevelFilter::INFO
}

fn export_layer<S>(traces: &TracePipeline) -> impl Layer<S> + use<S>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    let filter = filter_fn(is_exported).with_max_level_hint(LevelFilter::INFO);
    tracing_opentelemetry::layer()
        .with_tracer(traces.tracer())
        .with_target(true)
        .with_location(false)
        .with_threads(false)
        .with_tracked_inactivity(false)
        .with_filter(filter)
}

fn is_exported(metadata: &Metadata<'_>) -> bool {
    let root = metadata.target().split("::").next().unwrap_or_default();
    *metadata.level() <= LevelFilter::INFO
        && !service::is_service_span(metadata)
        && !NOT_EXPORTED.contains(&root)
}
