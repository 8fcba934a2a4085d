mod fields;
mod format;
mod json;
mod layer;
mod line;
mod pretty;
mod secret_names;

pub(crate) use layer::{LogLayer, current_service};
pub(crate) use pretty::Colour;

pub use format::{LogFormat, ParseLogFormatError};
