use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::time::Duration;

use mcsv_core::Secret;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::fmt::writer::BoxMakeWriter;

use crate::env::Env;
use crate::{Guard, LogFormat, Pipeline, Result};

/// Sets up the logs, traces and metrics of this process from its environment.
///
/// It is [`Telemetry::new(service)`](Telemetry::new) with nothing changed,
/// [installed](Telemetry::install); there are the variables that it reads. Keep the guard to the end
/// of `main`: dropping it delivers what is queued.
///
/// ```
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let _guard = mcsv_telemetry::init("user_svc")?;
/// tracing::info!(port = 8081, "listening");
/// # Ok(())
/// # }
/// ```
///
/// # Errors
///
/// As of [`Telemetry::install`].
pub fn init(service: &str) -> Result<Guard> {
    Telemetry::new(service).install()
}

/// Everything about a process's telemetry that can be chosen.
///
/// What the code chooses here goes before the environment, except for the default filter and the
/// service's name, which are what holds where the environment says nothing.
///
/// | variable | what | default |
/// |---|---|---|
/// | `LOG_FORMAT` | `json` or `pretty` | pretty if stderr is a terminal |
/// | `RUST_LOG` | which log lines are written, [directives] | `info` |
/// | `NO_COLOR` | no colours, whatever its value | |
/// | `OTEL_SERVICE_NAME` | the service's name | the name given in code |
/// | `OTEL_RESOURCE_ATTRIBUTES` | `key=value,...` for every exported span | |
/// | `OTEL_EXPORTER_OTLP_ENDPOINT` | the collector's base URL; without it nothing is exported | |
/// | `OTEL_EXPORTER_OTLP_TRACES_ENDPOINT` | the whole URL for traces | base + `/v1/traces` |
/// | `OTEL_EXPORTER_OTLP_HEADERS` | `name=value,...` sent with each export | |
/// | `OTEL_EXPORTER_OTLP_TIMEOUT` | milliseconds for one export with its retries | 10000 |
/// | `OTEL_EXPORTER_OTLP_COMPRESSION` | `gzip` or `none` | `none` |
/// | `OTEL_EXPORTER_OTLP_PROTOCOL` | `http/protobuf` | `http/protobuf` |
/// | `OTEL_TRACES_EXPORTER` | `otlp` or `none` | `otlp` |
/// | `OTEL_TRACES_SAMPLER` | the six standard samplers | `parentbased_always_on` |
/// | `OTEL_TRACES_SAMPLER_ARG` | the ratio, 0 to 1 | 1 |
/// | `OTEL_BSP_MAX_QUEUE_SIZE` | spans that wait at most | 2048 |
/// | `OTEL_BSP_MAX_EXPORT_BATCH_SIZE` | spans in one export at most | 512 |
/// | `OTEL_BSP_SCHEDULE_DELAY` | milliseconds between exports | 5000 |
/// | `OTEL_SDK_DISABLED` | `true`: no export; logs and metrics stay | `false` |
///
/// `HEADERS`, `TIMEOUT`, `COMPRESSION` and `PROTOCOL` also have their form for traces, such as
/// `OTEL_EXPORTER_OTLP_TRACES_HEADERS`, which goes before.
///
/// Another `OTEL_` variable that is set is named in a warning at the start.
///
/// Exported are the spans and events of level info and above, whatever `RUST_LOG` says of log lines;
/// not those of the HTTP and TLS libraries underneath.
///
/// ```
/// use mcsv_telemetry::{LogFormat, Telemetry};
///
/// # fn main() -> mcsv_telemetry::Result<()> {
/// let guard = Telemetry::new("image_svc")
///     .with_log_format(LogFormat::Json)
///     .with_default_filter("info,image_svc=debug")
///     .with_buckets("image_svc_pages", [1.0, 2.0, 5.0, 10.0, 100.0])
///     .install()?;
/// # drop(guard);
/// # Ok(())
/// # }
/// ```
///
/// [directives]: https://docs.rs/tracing-subscriber/latest/tracing_subscriber/filter/struct.EnvFilter.html#directives
#[must_use = "telemetry does nothing until it is installed"]
pub struct Telemetry {
    pub(crate) service: String,
    pub(crate) env: Env,
    pub(crate) log_format: Option<LogFormat>,
    pub(crate) default_filter: String,
    pub(crate) otlp_endpoint: Option<Secret<String>>,
    pub(crate) writer: Option<BoxMakeWriter>,
    pub(crate) shutdown_timeout: Duration,
    pub(crate) max_series: usize,
    pub(crate) buckets: BTreeMap<String, Vec<f64>>,
}

impl Telemetry {
    /// The telemetry of a service, all else from the environment.
    pub fn new(service: &str) -> Self {
        Telemetry {
            service: service.to_owned(),
            env: Env::Process,
            log_format: None,
            default_filter: "info".to_owned(),
            otlp_endpoint: None,
            writer: None,
            shutdown_timeout: Duration::from_secs(5),
            max_series: 1000,
            buckets: BTreeMap::new(),
        }
    }

    /// Reads these variables in place of the process's environment.
    pub fn with_env<K, V>(mut self, variables: impl IntoIterator<Item = (K, V)>) -> Self
    where
        K: Into<String>,
        V: Into<String>,
    {
        let map = variables.into_iter().map(|(name, value)| (name.into(), value.into()));
        self.env = Env::Map(map.collect::<HashMap<_, _>>());
        self
    }

    /// Writes log lines in this format, whatever `LOG_FORMAT` says.
    pub fn with_log_format(mut self, format: LogFormat) -> Self {
        self.log_format = Some(format);
        self
    }

    /// The filter for log lines where `RUST_LOG` is not set; `info` by default.
    pub fn with_default_filter(mut self, directives: &str) -> Self {
        self.default_filter = directives.to_owned();
        self
    }

    /// Exports traces to the collector with this base URL, such as `http://localhost:4318`,
    /// whatever the environment says.
    pub fn with_otlp_endpoint(mut self, url: &str) -> Self {
        self.otlp_endpoint = Some(Secret::new(url.to_owned()));
        self
    }

    /// Writes log lines there instead of to stderr; without colours.
    ///
    /// The trait is of tracing-subscriber, because every writer and every test capture for
    /// `tracing` implements it.
    pub fn with_writer<W>(mut self, writer: W) -> Self
    where
        W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
    {
        self.writer = Some(BoxMakeWriter::new(writer));
        self
    }

    /// How long the guard waits for the collector at the end; 5 seconds by default.
    pub fn with_shutdown_timeout(mut self, timeout: Duration) -> Self {
        self.shutdown_timeout = timeout;
        self
    }

    /// How many label sets one metric may have, at least 1; 1000 by default.
    ///
    /// Values with further label sets are counted together under the single label
    /// `otel_metric_overflow="true"`, so that a label made from a request cannot fill the memory.
    pub fn with_series_limit(mut self, limit: usize) -> Self {
        self.max_series = limit;
        self
    }

    /// The upper bounds of one histogram's buckets: 1 to 64 finite numbers that grow. A bucket for
    /// all that is larger is added.
    pub fn with_buckets(
        mut self,
        metric: &str,
        upper_bounds: impl IntoIterator<Item = f64>,
    ) -> Self {
        self.buckets.insert(metric.to_owned(), upper_bounds.into_iter().collect());
        self
    }

    /// Makes this the telemetry of the process.
    ///
    /// # Errors
    ///
    /// - [`is_invalid_setting`](crate::Error::is_invalid_setting): the message names the variable
    ///   or option and what it accepts.
    /// - [`is_already_installed`](crate::Error::is_already_installed): something in this process
    ///   did this before, be it this crate or another subscriber or recorder.
    /// - the exporter could not be built or its thread not be started.
    pub fn install(self) -> Result<Guard> {
        self.build()?.install()
    }

    /// Builds the telemetry and installs none of it.
    ///
    /// For tests, which want one each, and for programs that install the parts by hand.
    ///
    /// # Errors
    ///
    /// As of [`install`](Self::install), except that nothing can be installed already.
    pub fn build(self) -> Result<Pipeline> {
        Pipeline::new(self)
    }
}

impl fmt::Debug for Telemetry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Telemetry").field("service", &self.service).finish_non_exhaustive()
    }
}
