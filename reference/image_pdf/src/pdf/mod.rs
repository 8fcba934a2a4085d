//! A PDF of one page, written forward only.

mod document;
mod image;
mod page;
mod text;

pub(crate) use document::{Document, Ref};
pub(crate) use image::{ColorKey, Filter, Image, Space, Transform, write_metadata, write_profile};
pub(crate) use page::{Placed, finish};
