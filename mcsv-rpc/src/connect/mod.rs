//! The unary part of the Connect wire protocol.
//!
//! <https://connectrpc.com/docs/protocol>

mod error_body;
mod get;
mod status;
mod version;

pub(crate) use error_body::{read_error, response, response_of_either};
pub(crate) use get::{Query, is_connect};
pub(crate) use status::status;
pub(crate) use version::{VERSION, VERSION_1, check_version};
