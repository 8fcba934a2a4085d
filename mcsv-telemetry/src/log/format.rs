use std::fmt;
use std::str::FromStr;

/// How a log line is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum LogFormat {
    /// One JSON object per line, for machines.
    Json,
    /// One short line for a person at a terminal; coloured only there, and not where the variable
    /// `NO_COLOR` is set.
    Pretty,
}

impl FromStr for LogFormat {
    type Err = ParseLogFormatError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.to_ascii_lowercase().as_str() {
            "json" => Ok(LogFormat::Json),
            "pretty" => Ok(LogFormat::Pretty),
            _ => Err(ParseLogFormatError(())),
        }
    }
}

/// The text is no [`LogFormat`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParseLogFormatError(());

impl fmt::Display for ParseLogFormatError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("unknown log format: give json or pretty")
    }
}

impl std::error::Error for ParseLogFormatError {}
