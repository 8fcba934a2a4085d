#![doc = include_str!("../README.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]

mod aliases;
mod check;
mod comments;
mod compile;
mod error;
mod externs;
mod field;
mod generate;
mod json;
mod json_names;
mod map_debug;
mod map_entries;
mod names;
mod openapi;
mod place;
mod rust_names;
mod rustdoc;
mod service_names;
mod source;
mod template;
mod write;

pub use compile::{Builder, compile};
pub use error::Error;
