//! What the conventions say of a code: how it is written, and on which side it is a failure.

use mcsv_core::Code;

use super::Side;
use crate::Protocol;
use crate::canonical::canonical;

/// The value of `rpc.status_code` for a call that went well.
pub(crate) const OK: &str = "OK";

/// The value of `rpc.status_code`: a code as its protocol writes it.
pub(crate) fn status_code(protocol: Protocol, code: Code) -> &'static str {
    match protocol {
        Protocol::Grpc => grpc_name(code),
        Protocol::Connect => canonical(code).as_str(),
        Protocol::Twirp => code.as_str(),
    }
}

/// Whether a code makes the span one of an error.
///
/// To a caller every code does. For a server those do that it is to blame for: that there is no such
/// user is an answer.
pub(crate) fn is_error(side: Side, code: Code) -> bool {
    use Code::{DataLoss, DeadlineExceeded, Internal, Unavailable, Unimplemented, Unknown};
    let blamed = [Unknown, DeadlineExceeded, Unimplemented, Internal, Unavailable, DataLoss];
    side == Side::Client || blamed.contains(&code)
}

fn grpc_name(code: Code) -> &'static str {
    match canonical(code) {
        Code::Canceled => "CANCELLED",
        Code::InvalidArgument => "INVALID_ARGUMENT",
        Code::DeadlineExceeded => "DEADLINE_EXCEEDED",
        Code::NotFound => "NOT_FOUND",
        Code::AlreadyExists => "ALREADY_EXISTS",
        Code::PermissionDenied => "PERMISSION_DENIED",
        Code::ResourceExhausted => "RESOURCE_EXHAUSTED",
        Code::FailedPrecondition => "FAILED_PRECONDITION",
        Code::Aborted => "ABORTED",
        Code::OutOfRange => "OUT_OF_RANGE",
        Code::Unimplemented => "UNIMPLEMENTED",
        Code::Internal => "INTERNAL",
        Code::Unavailable => "UNAVAILABLE",
        Code::DataLoss => "DATA_LOSS",
        Code::Unauthenticated => "UNAUTHENTICATED",
        _ => "UNKNOWN",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_of_grpc_has_its_own_name() {
        for code in Code::ALL {
            let ours = canonical(code).as_str().to_ascii_uppercase();
            let expected = if ours == "CANCELED" { "CANCELLED" } else { &ours };
            assert_eq!(grpc_name(code), expected);
        }
    }
}
