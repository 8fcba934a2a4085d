use std::error::Error as StdError;
use std::fmt;

use mcsv_core::Code;

use crate::folder::FolderFault;

pub(crate) type BoxError = Box<dyn StdError + Send + Sync>;

/// The result of a storage, signing or fetch operation.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why an operation failed: a [kind](Error::kind), a message that is safe to log, and a cause.
///
/// Neither the message nor the causes hold a signed URL, a signature or a credential. A URL that
/// appears in them has lost its query.
///
/// ```
/// use mcsv_storage::{ErrorKind, ObjectKey};
///
/// let error = ObjectKey::parse("../etc/passwd").unwrap_err();
/// assert_eq!(error.kind(), ErrorKind::InvalidKey);
/// assert!(!error.is_retryable());
/// ```
pub struct Error(Box<Inner>);

struct Inner {
    kind: ErrorKind,
    message: String,
    source: Option<BoxError>,
}

/// What went wrong, for a program to decide on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// A store's URL, a signing key or a base URL is wrong.
    Config,
    /// The text is no [`ObjectKey`](crate::ObjectKey).
    InvalidKey,
    /// An option of one call is wrong, such as a length of zero or a bad content type.
    InvalidOption,
    /// There is no such object.
    NotFound,
    /// There is such an object already, and the call may only create one.
    AlreadyExists,
    /// The content is longer than allowed.
    TooLarge,
    /// The content is not as long as it was said to be.
    LengthMismatch,
    /// The content is not the one whose SHA-256 was given.
    ChecksumMismatch,
    /// The reader has this content already, as its etag says.
    NotModified,
    /// The object is not the one whose etag was demanded.
    PreconditionFailed,
    /// The range starts behind the end of the object.
    RangeNotSatisfiable,
    /// The source of the content failed.
    Body,
    /// A signed URL is not one of ours, or was changed.
    Signature,
    /// A signed URL is past its time.
    Expired,
    /// The fetch policy forbids the address.
    Refused,
    /// The other server answered with this HTTP status.
    Status(u16),
    /// No connection to the other server came about, or it broke.
    Connect,
    /// Time ran out.
    Timeout,
    /// The store is away or overloaded, or a role has not given its credentials yet.
    Unavailable,
    /// The store refuses our credentials or rights, or there are no credentials.
    PermissionDenied,
    /// The store can't do this.
    Unsupported,
    /// The store failed in a way that it doesn't explain.
    Internal,
}

impl ErrorKind {
    /// The kind as a label of a metric: lower case, few values.
    pub(crate) fn label(self) -> &'static str {
        match self {
            ErrorKind::Config => "config",
            ErrorKind::InvalidKey => "invalid_key",
            ErrorKind::InvalidOption => "invalid_option",
            ErrorKind::NotFound => "not_found",
            ErrorKind::AlreadyExists => "already_exists",
            ErrorKind::TooLarge => "too_large",
            ErrorKind::LengthMismatch => "length_mismatch",
            ErrorKind::ChecksumMismatch => "checksum_mismatch",
            ErrorKind::NotModified => "not_modified",
            ErrorKind::PreconditionFailed => "precondition_failed",
            ErrorKind::RangeNotSatisfiable => "range",
            ErrorKind::Body => "body",
            ErrorKind::Signature => "signature",
            ErrorKind::Expired => "expired",
            ErrorKind::Refused => "refused",
            ErrorKind::Status(_) => "status",
            ErrorKind::Connect => "connect",
            ErrorKind::Timeout => "timeout",
            ErrorKind::Unavailable => "unavailable",
            ErrorKind::PermissionDenied => "permission_denied",
            ErrorKind::Unsupported => "unsupported",
            ErrorKind::Internal => "internal",
        }
    }
}

impl Error {
    pub(crate) fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Error(Box::new(Inner { kind, message: message.into(), source: None }))
    }

    pub(crate) fn with_source(mut self, source: impl Into<BoxError>) -> Self {
        self.0.source = Some(source.into());
        self
    }

    /// What went wrong.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// Whether there is no such object.
    #[must_use]
    pub fn is_not_found(&self) -> bool {
        self.0.kind == ErrorKind::NotFound
    }

    /// Whether the object was there already.
    #[must_use]
    pub fn is_already_exists(&self) -> bool {
        self.0.kind == ErrorKind::AlreadyExists
    }

    /// Whether the reader has this content already; from [`Get::if_none_match`](crate::Get).
    #[must_use]
    pub fn is_not_modified(&self) -> bool {
        self.0.kind == ErrorKind::NotModified
    }

    /// Whether the content is longer than allowed.
    #[must_use]
    pub fn is_too_large(&self) -> bool {
        self.0.kind == ErrorKind::TooLarge
    }

    /// Whether the fetch policy forbids the address.
    #[must_use]
    pub fn is_refused(&self) -> bool {
        self.0.kind == ErrorKind::Refused
    }

    /// Whether time ran out.
    #[must_use]
    pub fn is_timeout(&self) -> bool {
        self.0.kind == ErrorKind::Timeout
    }

    /// Whether the same call may pass if it is made again later.
    ///
    /// Of the HTTP statuses these are 408, 425, 429 and all from 500 on except 501 and 505.
    #[must_use]
    pub fn is_retryable(&self) -> bool {
        match self.0.kind {
            ErrorKind::Timeout | ErrorKind::Unavailable | ErrorKind::Connect => true,
            ErrorKind::Status(501 | 505) => false,
            ErrorKind::Status(status) => matches!(status, 408 | 425 | 429 | 500..),
            _ => false,
        }
    }

    /// The code with which a service that can't help it answers its own caller.
    ///
    /// ```
    /// use mcsv_core::Code;
    /// use mcsv_storage::ObjectKey;
    ///
    /// let error = ObjectKey::parse("").unwrap_err();
    /// assert_eq!(error.code(), Code::InvalidArgument);
    /// ```
    #[must_use]
    pub fn code(&self) -> Code {
        match self.0.kind {
            ErrorKind::InvalidKey
            | ErrorKind::InvalidOption
            | ErrorKind::LengthMismatch
            | ErrorKind::ChecksumMismatch
            | ErrorKind::Body => Code::InvalidArgument,
            ErrorKind::NotFound => Code::NotFound,
            ErrorKind::AlreadyExists => Code::AlreadyExists,
            ErrorKind::TooLarge => Code::ResourceExhausted,
            ErrorKind::RangeNotSatisfiable => Code::OutOfRange,
            ErrorKind::Signature | ErrorKind::Expired | ErrorKind::Refused => {
                Code::PermissionDenied
            }
            ErrorKind::Timeout => Code::DeadlineExceeded,
            ErrorKind::Connect | ErrorKind::Unavailable => Code::Unavailable,
            ErrorKind::Status(_) if self.is_retryable() => Code::Unavailable,
            ErrorKind::Status(_) | ErrorKind::NotModified | ErrorKind::PreconditionFailed => {
                Code::FailedPrecondition
            }
            ErrorKind::Unsupported => Code::Unimplemented,
            ErrorKind::Config | ErrorKind::PermissionDenied | ErrorKind::Internal => Code::Internal,
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.message)
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Error")
            .field("kind", &self.0.kind)
            .field("message", &self.0.message)
            .field("source", &self.0.source)
            .finish()
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.0.source.as_deref().map(|source| source as &(dyn StdError + 'static))
    }
}

/// What the store's driver said about `what`, in our words.
pub(crate) fn from_opendal(error: opendal::Error, what: &str) -> Error {
    use opendal::ErrorKind as Theirs;
    let (kind, says) = match error.kind() {
        Theirs::NotFound => (ErrorKind::NotFound, "no such object"),
        Theirs::ConditionNotMatch | Theirs::AlreadyExists => {
            (ErrorKind::AlreadyExists, "the object exists already")
        }
        Theirs::NotADirectory | Theirs::IsADirectory => {
            (ErrorKind::AlreadyExists, "an object and a folder want the same name")
        }
        Theirs::PermissionDenied => {
            (ErrorKind::PermissionDenied, "the store denies it: check its credentials and rights")
        }
        Theirs::ConfigInvalid => (ErrorKind::Config, "the store's settings are wrong"),
        Theirs::Unsupported => (ErrorKind::Unsupported, "the store can't do this"),
        Theirs::RangeNotSatisfied => {
            (ErrorKind::RangeNotSatisfiable, "the range is behind the end")
        }
        Theirs::RateLimited => (ErrorKind::Unavailable, "the store asks to slow down"),
        Theirs::Conflict => (ErrorKind::Unavailable, "another request changes it: try again"),
        _ if error.is_temporary() || is_outage(&error) => {
            (ErrorKind::Unavailable, "the store is away")
        }
        _ => (ErrorKind::Internal, "the store failed"),
    };
    Error::new(kind, format!("{what}: {says}")).with_source(error)
}

/// That a service answered it can't now, or did not answer: what a transport says so that it is known
/// behind opendal's retries, which mark each error as one that stays.
#[cfg(feature = "s3")]
#[derive(Debug)]
pub(crate) struct Outage(pub(crate) String);

#[cfg(feature = "s3")]
impl fmt::Display for Outage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(feature = "s3")]
impl StdError for Outage {}

/// Whether the cause is an outage, or the HTTP client's own: no connection, or a broken one.
#[cfg(feature = "s3")]
fn is_outage(error: &opendal::Error) -> bool {
    let mut cause = error.source();
    while let Some(at) = cause {
        if at.is::<Outage>() || at.is::<reqwest::Error>() {
            return true;
        }
        cause = at.source();
    }
    false
}

#[cfg(not(feature = "s3"))]
fn is_outage(_: &opendal::Error) -> bool {
    false
}

/// What the operating system said about `what`, in our words.
pub(crate) fn from_io(error: std::io::Error, what: &str) -> Error {
    use std::io::ErrorKind as Theirs;
    if let Some(fault) = FolderFault::of(&error) {
        return Error::new(fault.kind(), format!("{what}: {fault}")).with_source(error);
    }
    let (kind, says) = match error.kind() {
        Theirs::NotFound => (ErrorKind::NotFound, "no such object"),
        Theirs::AlreadyExists => (ErrorKind::AlreadyExists, "the object exists already"),
        Theirs::NotADirectory | Theirs::IsADirectory => {
            (ErrorKind::AlreadyExists, "an object and a folder want the same name")
        }
        Theirs::PermissionDenied | Theirs::ReadOnlyFilesystem => {
            (ErrorKind::PermissionDenied, "the folder denies it: check its owner and mode")
        }
        Theirs::StorageFull | Theirs::QuotaExceeded => (ErrorKind::Unavailable, "the disk is full"),
        _ => (ErrorKind::Internal, "the folder failed"),
    };
    Error::new(kind, format!("{what}: {says}")).with_source(error)
}
