use http::StatusCode;
use mcsv_core::Code;

/// The HTTP status of an error: the table of the specification's section "Error Codes".
pub(crate) fn status(code: Code) -> StatusCode {
    match code {
        // Not in the registry of statuses, but in the specification.
        Code::Canceled => StatusCode::from_u16(499).unwrap_or(StatusCode::REQUEST_TIMEOUT),
        Code::InvalidArgument | Code::Malformed | Code::FailedPrecondition | Code::OutOfRange => {
            StatusCode::BAD_REQUEST
        }
        Code::DeadlineExceeded => StatusCode::GATEWAY_TIMEOUT,
        Code::NotFound => StatusCode::NOT_FOUND,
        Code::AlreadyExists | Code::Aborted => StatusCode::CONFLICT,
        Code::PermissionDenied => StatusCode::FORBIDDEN,
        Code::ResourceExhausted => StatusCode::TOO_MANY_REQUESTS,
        Code::Unimplemented => StatusCode::NOT_IMPLEMENTED,
        // A path that is not there, which the specification wants as 404.
        Code::BadRoute => StatusCode::NOT_FOUND,
        Code::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
        Code::Unauthenticated => StatusCode::UNAUTHORIZED,
        // Unknown, internal and data_loss, and any code that is new here.
        _ => StatusCode::INTERNAL_SERVER_ERROR,
    }
}
