//! PNG (ISO/IEC 15948:2004), read forward in bounded memory.

mod chunk;
mod decode;
mod details;
mod embed;
mod file;
mod filter;
mod header;
mod inflate;
mod interlace;
mod mask;
mod rows;
mod samples;
mod split;
mod unfilter;

pub(crate) use decode::decode;
pub(crate) use embed::embed;
pub(crate) use file::survey;
pub(crate) use filter::FilteredRows;
