//! The gRPC wire protocol, over HTTP/2.
//!
//! <https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md>

mod frame;
mod pushback;
mod status;

pub(crate) use frame::{PREFIX, announced, open, seal};
pub(crate) use pushback::NoRetry;
pub(crate) use status::{is_in, of_status, read, write_error, write_ok};
