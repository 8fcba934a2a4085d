use http::StatusCode;
use mcsv_core::Code;

/// The HTTP status of an error: the table of the specification's section "Error Codes".
pub(crate) fn status(code: Code) -> StatusCode {
    match code {
        Code::InvalidArgument | Code::Malformed | Code::OutOfRange => StatusCode::BAD_REQUEST,
        Code::Unauthenticated => StatusCode::UNAUTHORIZED,
        Code::PermissionDenied => StatusCode::FORBIDDEN,
        Code::NotFound | Code::BadRoute => StatusCode::NOT_FOUND,
        Code::Canceled | Code::DeadlineExceeded => StatusCode::REQUEST_TIMEOUT,
        Code::AlreadyExists | Code::Aborted => StatusCode::CONFLICT,
        Code::FailedPrecondition => StatusCode::PRECONDITION_FAILED,
        Code::ResourceExhausted => StatusCode::TOO_MANY_REQUESTS,
        Code::Unimplemented => StatusCode::NOT_IMPLEMENTED,
        Code::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
        // Unknown, internal and data_loss, and any code that is new here.
        _ => StatusCode::INTERNAL_SERVER_ERROR,
    }
}
