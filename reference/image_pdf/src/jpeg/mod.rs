//! JPEG (ITU-T T.81), walked segment by segment without decoding.

mod decode;
mod embed;
mod frame;
mod header;
mod scan;
mod segment;
mod tables;

pub(crate) use decode::decode;
pub(crate) use embed::embed;
pub(crate) use header::read_header;
