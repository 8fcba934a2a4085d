use std::fmt;
use std::path::PathBuf;

use crate::place::Place;

/// Why nothing was generated.
///
/// `Display` and `Debug` are the same text, since a build script that returns the error prints the
/// latter. It names the proto's file, line and column where there is one.
pub struct Error {
    kind: Kind,
}

enum Kind {
    Proto(Box<protox::Error>),
    Streaming { place: Place, method: String },
    At { place: Place, text: String },
    Write(std::io::Error),
    Stale(Vec<PathBuf>),
    OutDir,
}

/// The parser says no more than that it expected something else.
const EDITIONS: &str = ": editions are not read yet: write `syntax = \"proto3\"` or `\"proto2\"`";

impl Error {
    pub(crate) fn proto(cause: protox::Error) -> Self {
        Error { kind: Kind::Proto(Box::new(cause)) }
    }

    pub(crate) fn streaming(place: Place, method: String) -> Self {
        Error { kind: Kind::Streaming { place, method } }
    }

    /// What is wrong there and what to do, as `text` says.
    pub(crate) fn at(place: Place, text: String) -> Self {
        Error { kind: Kind::At { place, text } }
    }

    pub(crate) fn no_name(place: Place, item: String) -> Self {
        let text = format!("{item} has no name in Rust: give it one with a letter");
        Self::at(place, text)
    }

    pub(crate) fn write(cause: std::io::Error) -> Self {
        Error { kind: Kind::Write(cause) }
    }

    pub(crate) fn stale(files: Vec<PathBuf>) -> Self {
        Error { kind: Kind::Stale(files) }
    }

    pub(crate) fn no_out_dir() -> Self {
        Error { kind: Kind::OutDir }
    }

    /// Whether code that is checked in differs from what its protos say now.
    #[must_use]
    pub fn is_stale(&self) -> bool {
        matches!(self.kind, Kind::Stale(_))
    }

    /// Whether a `.proto` file is at fault, not the place that the code goes to.
    #[must_use]
    pub fn is_proto(&self) -> bool {
        matches!(self.kind, Kind::Proto(_) | Kind::Streaming { .. } | Kind::At { .. })
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.kind {
            // Its `Debug` is the one with file, line and column.
            Kind::Proto(cause) => {
                let text = format!("{cause:?}");
                let is_edition = cause.is_parse() && text.contains("'edition'");
                let hint = if is_edition { EDITIONS } else { "" };
                write!(f, "{text}{hint}")
            }
            Kind::At { place, text } => write!(f, "{place}: {text}"),
            Kind::Streaming { place, method } => write!(
                f,
                "{place}: {method} streams, which is not supported yet: make it unary, or \
                 leave such methods out with `Builder::skip_streaming`"
            ),
            Kind::Write(cause) => write!(f, "can't write the generated code: {cause}"),
            Kind::Stale(files) => {
                let files: Vec<String> =
                    files.iter().map(|file| file.display().to_string()).collect();
                let files = files.join(", ");
                write!(f, "stale generated code: {files}: run the test with UPDATE_GENERATED=1")
            }
            Kind::OutDir => {
                write!(f, "OUT_DIR is not set: call this from build.rs, or give an out dir")
            }
        }
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match &self.kind {
            Kind::Proto(cause) => Some(&**cause),
            Kind::Write(cause) => Some(cause),
            Kind::Streaming { .. } | Kind::At { .. } | Kind::Stale(_) | Kind::OutDir => None,
        }
    }
}
