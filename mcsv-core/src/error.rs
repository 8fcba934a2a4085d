use std::error::Error as StdError;
use std::fmt;
use std::time::Duration;

use crate::{Code, ErrorDetail};

/// The result of a call between services.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What a call answers when it fails: a code and a safe message for the peer, a cause for the log.
///
/// The code, the message, the metadata, the details and the retry hint travel, also through a service
/// in between that answers the error of its own call by `?`. The [source](Error::source) never does: it
/// stays in the process that made it, for its log.
///
/// Any `std::error::Error` becomes an `Error` by `?`, with the code [`Code::Internal`], the message
/// "internal error" and itself as the source, so that a database's words never reach a client by
/// accident. To allow that, `Error` does not implement `std::error::Error` itself; convert it into
/// a `Box<dyn std::error::Error + Send + Sync>` where one is asked for.
///
/// It is one pointer wide, so the `Ok` path of a `Result` stays small.
///
/// ```
/// use mcsv_core::{Code, Error};
///
/// fn find(id: &str) -> mcsv_core::Result<String> {
///     let number: u32 = id.parse()?; // a cause that stays here
///     Err(Error::not_found(format!("no user {number}")).with_meta("id", number))
/// }
///
/// let error = find("7").unwrap_err();
/// assert_eq!((error.code(), error.meta("id")), (Code::NotFound, Some("7")));
/// assert_eq!(find("x").unwrap_err().to_string(), "internal: internal error");
/// ```
pub struct Error(Box<Inner>);

struct Inner {
    code: Code,
    message: String,
    meta: Vec<(String, String)>,
    details: Vec<ErrorDetail>,
    retry_after: Option<Duration>,
    source: Option<Box<dyn StdError + Send + Sync>>,
}

impl Error {
    /// An error with `code` and a `message` that is safe to show to the peer.
    pub fn new(code: Code, message: impl Into<String>) -> Self {
        Error(Box::new(Inner {
            code,
            message: message.into(),
            meta: Vec::new(),
            details: Vec::new(),
            retry_after: None,
            source: None,
        }))
    }

    /// Adds one pair that a program on the other side can read, replacing an earlier one of that
    /// key.
    #[must_use]
    pub fn with_meta(mut self, key: impl Into<String>, value: impl ToString) -> Self {
        let (key, value) = (key.into(), value.to_string());
        self.0.meta.retain(|(k, _)| *k != key);
        self.0.meta.push((key, value));
        self
    }

    /// Adds a typed detail: the full name of a protobuf message and its bytes. Not every protocol has
    /// a place for it; metadata travels in all of them.
    ///
    /// ```
    /// use mcsv_core::Error;
    ///
    /// let bad_request = Vec::new(); // that of prost's `encode_to_vec`
    /// let error = Error::invalid_argument("two fields are wrong: see the details")
    ///     .with_detail("google.rpc.BadRequest", bad_request);
    /// assert_eq!(error.details()[0].type_name(), "google.rpc.BadRequest");
    /// ```
    #[must_use]
    pub fn with_detail(mut self, type_name: impl Into<String>, value: impl Into<Vec<u8>>) -> Self {
        self.0.details.push(ErrorDetail::new(type_name, value));
        self
    }

    /// Says when the same call may pass.
    #[must_use]
    pub fn with_retry_after(mut self, wait: Duration) -> Self {
        self.0.retry_after = Some(wait);
        self
    }

    /// Keeps the cause for the log of this process. It is never sent.
    #[must_use]
    pub fn with_source(mut self, source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        self.0.source = Some(source.into());
        self
    }

    /// Why the call failed.
    #[must_use]
    pub fn code(&self) -> Code {
        self.0.code
    }

    /// The message for the peer.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// The metadata value of `key`.
    #[must_use]
    pub fn meta(&self, key: &str) -> Option<&str> {
        self.metadata().find(|(k, _)| *k == key).map(|(_, value)| value)
    }

    /// The metadata, in the order in which it was added.
    pub fn metadata(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.meta.iter().map(|(k, v)| (k.as_str(), v.as_str()))
    }

    /// The typed details, in the order in which they were added.
    #[must_use]
    pub fn details(&self) -> &[ErrorDetail] {
        &self.0.details
    }

    /// When the same call may pass, if the server said so.
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        self.0.retry_after
    }

    /// The local cause. For logs only.
    #[must_use]
    pub fn source(&self) -> Option<&(dyn StdError + Send + Sync + 'static)> {
        self.0.source.as_deref()
    }

    /// Whether the same call may pass if it is sent again; see [`Code::is_retryable`].
    #[must_use]
    pub fn is_retryable(&self) -> bool {
        self.0.code.is_retryable()
    }
}

macro_rules! constructors {
    ($($name:ident $code:ident,)*) => {
        impl Error {
            $(
                #[doc = concat!("An error with [`Code::", stringify!($code), "`].")]
                pub fn $name(message: impl Into<String>) -> Self {
                    Error::new(Code::$code, message)
                }
            )*
        }
    };
}

constructors! {
    canceled Canceled,
    unknown Unknown,
    invalid_argument InvalidArgument,
    deadline_exceeded DeadlineExceeded,
    not_found NotFound,
    already_exists AlreadyExists,
    permission_denied PermissionDenied,
    resource_exhausted ResourceExhausted,
    failed_precondition FailedPrecondition,
    aborted Aborted,
    out_of_range OutOfRange,
    unimplemented Unimplemented,
    internal Internal,
    unavailable Unavailable,
    data_loss DataLoss,
    unauthenticated Unauthenticated,
    malformed Malformed,
    bad_route BadRoute,
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.0.code, self.0.message)
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Error")
            .field("code", &self.0.code)
            .field("message", &self.0.message)
            .field("meta", &self.0.meta)
            .field("details", &self.0.details)
            .field("retry_after", &self.0.retry_after)
            .field("source", &self.0.source)
            .finish()
    }
}

impl<E: StdError + Send + Sync + 'static> From<E> for Error {
    fn from(cause: E) -> Self {
        Error::internal("internal error").with_source(cause)
    }
}

impl From<Error> for Box<dyn StdError + Send + Sync> {
    fn from(error: Error) -> Self {
        Box::new(AsStd(error))
    }
}

impl From<Error> for Box<dyn StdError> {
    fn from(error: Error) -> Self {
        Box::new(AsStd(error))
    }
}

/// The standard trait on a type of its own, since [`Error`] can't have it beside its blanket `From`.
struct AsStd(Error);

impl fmt::Display for AsStd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Debug for AsStd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl StdError for AsStd {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.0.source().map(|source| source as &(dyn StdError + 'static))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_one_pointer_wide() {
        assert_eq!(size_of::<Result<()>>(), size_of::<usize>());
    }

    #[test]
    fn a_foreign_cause_stays_out_of_the_message() {
        let error = Error::from(std::io::Error::other("table users is locked"));

        assert_eq!(error.to_string(), "internal: internal error");
        assert_eq!(
            error.source().map(ToString::to_string).as_deref(),
            Some("table users is locked")
        );
    }

    #[test]
    fn a_later_meta_replaces_an_earlier_one() {
        let error = Error::not_found("gone").with_meta("id", 1).with_meta("id", 2);

        assert_eq!(error.metadata().collect::<Vec<_>>(), [("id", "2")]);
    }

    #[test]
    fn keeps_its_source_as_a_standard_error() {
        let boxed: Box<dyn StdError + Send + Sync> =
            Error::unavailable("later").with_source("disk full").into();

        assert_eq!(boxed.to_string(), "unavailable: later");
        assert_eq!(boxed.source().map(ToString::to_string).as_deref(), Some("disk full"));
    }
}
