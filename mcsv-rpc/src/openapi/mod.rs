//! OpenAPI 3.1 for the services of a router.

mod document;
mod errors;
mod paths;
mod serve;
mod used;
mod yaml;

pub use document::OpenApi;
pub(crate) use document::Part;
pub(crate) use serve::{Form, Written, answer};
