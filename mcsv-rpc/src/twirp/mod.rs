//! The Twirp wire protocol, version 7.
//!
//! <https://twitchtv.github.io/twirp/docs/spec_v7.html>

mod error_body;
mod intermediary;
mod status;

pub use error_body::error_response;
pub(crate) use error_body::{ErrorBody, error_with, read_error, shortened};
pub(crate) use status::status;
