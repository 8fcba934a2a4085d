use std::error::Error as StdError;
use std::fmt::{self, Display};
use std::io;

/// The result of a conversion.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What went wrong, as one of a few kinds that a caller can act on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The input is neither PNG nor JPEG, or uses a coding that a PDF cannot carry.
    UnsupportedFormat,
    /// The input breaks the rules of its format: truncated, damaged or contradictory.
    Malformed,
    /// The input is larger than a value of [`Limits`](crate::Limits) allows.
    LimitExceeded,
    /// An option has a value outside its choices.
    InvalidOption,
    /// The reader failed.
    Read,
    /// The writer failed.
    Write,
}

impl ErrorKind {
    /// The kind as a short lower-case word, for labels of logs and metrics.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            ErrorKind::UnsupportedFormat => "unsupported_format",
            ErrorKind::Malformed => "malformed",
            ErrorKind::LimitExceeded => "limit_exceeded",
            ErrorKind::InvalidOption => "invalid_option",
            ErrorKind::Read => "read",
            ErrorKind::Write => "write",
        }
    }
}

/// Why an image did not become a PDF.
///
/// The message is one line that names the part of the file at fault and its position, such as
/// `png chunk IDAT at byte 1234: crc mismatch`. It never contains data of the image.
///
/// Whatever the writer received before an error has no cross-reference table and no page tree, so
/// it does not open as a PDF. Discard it.
///
/// ```
/// use mcsv_image_pdf::{Converter, ErrorKind, Options};
///
/// let error = Converter::new(Options::new()).convert(&b"GIF89a"[..], &mut Vec::new()).unwrap_err();
/// assert_eq!(error.kind(), ErrorKind::UnsupportedFormat);
/// assert!(error.is_bad_input());
/// ```
pub struct Error(Box<Inner>);

struct Inner {
    kind: ErrorKind,
    message: String,
    source: Option<io::Error>,
}

impl Error {
    /// The kind of failure.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// Whether the input is at fault, so that the same bytes fail again.
    #[must_use]
    pub fn is_bad_input(&self) -> bool {
        matches!(self.kind(), ErrorKind::UnsupportedFormat | ErrorKind::Malformed)
            || self.is_limit_exceeded()
    }

    /// Whether a value of [`Limits`](crate::Limits) was exceeded.
    #[must_use]
    pub fn is_limit_exceeded(&self) -> bool {
        self.kind() == ErrorKind::LimitExceeded
    }

    /// Whether the reader or the writer failed, so that another attempt can pass.
    #[must_use]
    pub fn is_io(&self) -> bool {
        matches!(self.kind(), ErrorKind::Read | ErrorKind::Write)
    }

    fn new(kind: ErrorKind, message: String, source: Option<io::Error>) -> Self {
        Error(Box::new(Inner { kind, message, source }))
    }

    pub(crate) fn unsupported(message: impl Into<String>) -> Self {
        Error::new(ErrorKind::UnsupportedFormat, message.into(), None)
    }

    pub(crate) fn malformed(place: impl Display, what: impl Display) -> Self {
        Error::new(ErrorKind::Malformed, format!("{place}: {what}"), None)
    }

    pub(crate) fn limit(message: impl Into<String>) -> Self {
        Error::new(ErrorKind::LimitExceeded, message.into(), None)
    }

    pub(crate) fn option(message: impl Into<String>) -> Self {
        Error::new(ErrorKind::InvalidOption, message.into(), None)
    }

    pub(crate) fn read(source: io::Error) -> Self {
        Error::new(ErrorKind::Read, "image could not be read".into(), Some(source))
    }

    pub(crate) fn write(source: io::Error) -> Self {
        Error::new(ErrorKind::Write, "pdf could not be written".into(), Some(source))
    }
}

impl Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.message)
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Inner { kind, message, source } = &*self.0;
        let mut debug = f.debug_struct("Error");
        debug.field("kind", kind).field("message", message);
        if let Some(source) = source {
            debug.field("source", source);
        }
        debug.finish()
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.0.source.as_ref().map(|source| source as _)
    }
}
