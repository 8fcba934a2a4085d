//! The sixteen codes that Connect and gRPC share: Twirp's two further ones become their nearest.

use mcsv_core::Code;

/// The code that stands on the wire for `code`.
pub(crate) fn canonical(code: Code) -> Code {
    match code {
        Code::Malformed => Code::InvalidArgument,
        Code::BadRoute => Code::Unimplemented,
        other => other,
    }
}

/// The number of a code in gRPC, 1 to 16.
pub(crate) fn number(code: Code) -> u8 {
    let code = canonical(code);
    // `ALL` is in the order of the numbers, which start after `ok`.
    let place = Code::ALL.iter().position(|other| *other == code).unwrap_or(1);
    place as u8 + 1
}

/// The code of a number; `unknown` for one that no table has.
pub(crate) fn of_number(number: u32) -> Code {
    match number {
        1..=16 => Code::ALL[number as usize - 1],
        _ => Code::Unknown,
    }
}

/// The code for an HTTP status from something that speaks neither protocol, such as a proxy.
///
/// gRPC's table; Connect's is the same.
/// <https://github.com/grpc/grpc/blob/master/doc/http-grpc-status-mapping.md>
pub(crate) fn of_status(status: http::StatusCode) -> Code {
    match status.as_u16() {
        400 => Code::Internal,
        401 => Code::Unauthenticated,
        403 => Code::PermissionDenied,
        404 => Code::Unimplemented,
        429 | 502 | 503 | 504 => Code::Unavailable,
        _ => Code::Unknown,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_have_the_numbers_of_grpc() {
        assert_eq!(number(Code::Canceled), 1);
        assert_eq!(number(Code::DeadlineExceeded), 4);
        assert_eq!(number(Code::Unauthenticated), 16);
        assert_eq!((number(Code::Malformed), number(Code::BadRoute)), (3, 12));
        for code in Code::ALL {
            assert_eq!(of_number(number(code).into()), canonical(code));
        }
        assert_eq!((of_number(0), of_number(17)), (Code::Unknown, Code::Unknown));
    }
}
