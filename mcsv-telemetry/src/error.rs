use std::error::Error as StdError;
use std::fmt;

/// The result of this crate's fallible functions.
pub type Result<T> = std::result::Result<T, Error>;

/// Why telemetry could not be set up, or not be delivered.
///
/// The message never holds an endpoint or a header: either may carry credentials.
#[derive(Debug)]
pub struct Error {
    kind: ErrorKind,
    message: String,
    source: Option<Box<dyn StdError + Send + Sync>>,
}

/// The kinds of [`Error`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// An environment variable or an option has a value that is not accepted.
    InvalidSetting,
    /// The process has a subscriber, a recorder or a bridge already.
    AlreadyInstalled,
    /// The exporter could not be built.
    Exporter,
    /// Spans were recorded that the collector did not confirm.
    Undelivered,
}

impl Error {
    /// The kind of the error.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        self.kind
    }

    /// Whether a value that a person set is at fault.
    #[must_use]
    pub fn is_invalid_setting(&self) -> bool {
        self.kind == ErrorKind::InvalidSetting
    }

    /// Whether the process had telemetry already.
    #[must_use]
    pub fn is_already_installed(&self) -> bool {
        self.kind == ErrorKind::AlreadyInstalled
    }

    /// Whether spans were lost.
    #[must_use]
    pub fn is_undelivered(&self) -> bool {
        self.kind == ErrorKind::Undelivered
    }

    pub(crate) fn invalid(message: impl Into<String>) -> Self {
        Error { kind: ErrorKind::InvalidSetting, message: message.into(), source: None }
    }

    pub(crate) fn already_installed(what: &str) -> Self {
        let message = format!("{what} is installed already: call init once, at the start of main");
        Error { kind: ErrorKind::AlreadyInstalled, message, source: None }
    }

    pub(crate) fn exporter(source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        Error {
            kind: ErrorKind::Exporter,
            message: "the trace exporter could not be built: check the OTEL_EXPORTER_OTLP_* values"
                .to_owned(),
            source: Some(source.into()),
        }
    }

    pub(crate) fn undelivered(lost: u64, recorded: u64) -> Self {
        let message = format!(
            "{lost} of {recorded} spans were not delivered: check that the collector is up, or \
             raise OTEL_BSP_MAX_QUEUE_SIZE"
        );
        Error { kind: ErrorKind::Undelivered, message, source: None }
    }

    pub(crate) fn with_source(
        mut self,
        source: impl Into<Box<dyn StdError + Send + Sync>>,
    ) -> Self {
        self.source = Some(source.into());
        self
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.source.as_deref().map(|source| source as _)
    }
}
