#![doc = include_str!("../README.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]

mod compile;
mod error;
mod generate;
mod map_debug;
mod template;

pub use compile::{Builder, compile};
pub use error::Error;
