mod answer;
mod body;
mod conditions;
mod cors;
mod deadline_body;
mod drained_body;
mod read;
mod service;
mod write;

pub(crate) use read::disposition;

pub use body::StorageBody;
pub use service::StorageService;
