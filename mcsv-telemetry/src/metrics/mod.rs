mod buckets;
mod families;
mod labels;
mod page;
mod process;
mod recorder;
mod series;

pub(crate) use page::Exposition;
pub(crate) use recorder::process_recorder;

pub use recorder::Recorder;
