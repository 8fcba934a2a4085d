use std::fmt;
use std::str::FromStr;

/// Why a call failed, in the words that Twirp, Connect and gRPC share.
///
/// The sixteen canonical codes of [gRPC] plus the two that [Twirp v7] adds for requests that never
/// reach a handler. There is no `Ok`: a success carries no code.
///
/// ```
/// use mcsv_core::Code;
///
/// assert_eq!("not_found".parse::<Code>()?, Code::NotFound);
/// assert!(Code::Unavailable.is_retryable());
/// # Ok::<(), mcsv_core::ParseCodeError>(())
/// ```
///
/// [gRPC]: https://grpc.github.io/grpc/core/md_doc_statuscodes.html
/// [Twirp v7]: https://twitchtv.github.io/twirp/docs/spec_v7.html#error-codes
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Code {
    /// The caller gave up.
    Canceled,
    /// The cause is not known to the one who reports it.
    Unknown,
    /// The request is wrong whatever the state of the system.
    InvalidArgument,
    /// The time ran out; the work may have been done all the same.
    DeadlineExceeded,
    /// What was asked for is not there.
    NotFound,
    /// What was to be created is there already.
    AlreadyExists,
    /// The caller is known and may not do this.
    PermissionDenied,
    /// A quota or a limit is used up.
    ResourceExhausted,
    /// The system is not in the state that the call needs.
    FailedPrecondition,
    /// A conflict with another caller; try the whole sequence again.
    Aborted,
    /// A value lies outside what is there now, such as a read past the end.
    OutOfRange,
    /// This method does not exist or is switched off.
    Unimplemented,
    /// The server broke a promise of its own.
    Internal,
    /// The server can't answer now; the same call may pass later.
    Unavailable,
    /// Data is lost or damaged beyond repair.
    DataLoss,
    /// The caller did not say who it is, or can't prove it.
    Unauthenticated,
    /// The body could not be decoded (Twirp).
    Malformed,
    /// No route has this path, verb and content type (Twirp).
    BadRoute,
}

impl Code {
    /// Every code, in the order of their gRPC numbers, Twirp's two at the end.
    pub const ALL: [Code; 18] = [
        Code::Canceled,
        Code::Unknown,
        Code::InvalidArgument,
        Code::DeadlineExceeded,
        Code::NotFound,
        Code::AlreadyExists,
        Code::PermissionDenied,
        Code::ResourceExhausted,
        Code::FailedPrecondition,
        Code::Aborted,
        Code::OutOfRange,
        Code::Unimplemented,
        Code::Internal,
        Code::Unavailable,
        Code::DataLoss,
        Code::Unauthenticated,
        Code::Malformed,
        Code::BadRoute,
    ];

    /// The name on the wire, in snake case.
    ///
    /// `data_loss` and not `dataloss`: Twirp's table has the one and its reference implementation
    /// sends the other, so both are read and the one that is sent everywhere is written.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Code::Canceled => "canceled",
            Code::Unknown => "unknown",
            Code::InvalidArgument => "invalid_argument",
            Code::DeadlineExceeded => "deadline_exceeded",
            Code::NotFound => "not_found",
            Code::AlreadyExists => "already_exists",
            Code::PermissionDenied => "permission_denied",
            Code::ResourceExhausted => "resource_exhausted",
            Code::FailedPrecondition => "failed_precondition",
            Code::Aborted => "aborted",
            Code::OutOfRange => "out_of_range",
            Code::Unimplemented => "unimplemented",
            Code::Internal => "internal",
            Code::Unavailable => "unavailable",
            Code::DataLoss => "data_loss",
            Code::Unauthenticated => "unauthenticated",
            Code::Malformed => "malformed",
            Code::BadRoute => "bad_route",
        }
    }

    /// Whether the same call may pass if it is sent again, as it is, a little later.
    ///
    /// True says nothing about whether the first call took effect: that needs an idempotent method
    /// or an [`IdempotencyKey`](crate::IdempotencyKey).
    #[must_use]
    pub const fn is_retryable(self) -> bool {
        matches!(
            self,
            Code::Unavailable | Code::ResourceExhausted | Code::Aborted | Code::DeadlineExceeded
        )
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Code {
    type Err = ParseCodeError;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        match name {
            "dataloss" => Ok(Code::DataLoss),
            "cancelled" => Ok(Code::Canceled),
            _ => Code::ALL.into_iter().find(|code| code.as_str() == name).ok_or(ParseCodeError(())),
        }
    }
}

/// The name is no [`Code`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ParseCodeError(());

impl fmt::Display for ParseCodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("unknown error code: expected a name such as \"not_found\"")
    }
}

impl std::error::Error for ParseCodeError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_reads_its_own_name() {
        for code in Code::ALL {
            assert_eq!(code.as_str().parse(), Ok(code));
        }
    }

    #[test]
    fn reads_both_spellings_that_are_in_use() {
        assert_eq!("dataloss".parse(), Ok(Code::DataLoss));
        assert_eq!("cancelled".parse(), Ok(Code::Canceled));
        assert!("OK".parse::<Code>().is_err());
    }
}
