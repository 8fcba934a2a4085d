#![cfg_attr(docsrs, feature(doc_cfg))]
#![doc = include_str!("../README.md")]

mod converter;
mod error;
mod format;
mod limits;
mod max_size;
mod options;
mod quality;
mod report;

mod input;
mod place;

mod exif;
mod icc;
mod jpeg;
mod orientation;
mod page_size;
mod pdf;
mod png;
mod raster;
mod staged;

pub use converter::Converter;
pub use error::{Error, ErrorKind, Result};
pub use format::{Format, sniff};
pub use limits::Limits;
pub use max_size::MaxSize;
pub use options::{Options, Strip};
pub use quality::Quality;
pub use report::{ConversionPath, Report};
