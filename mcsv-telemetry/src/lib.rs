#![doc = include_str!("../README.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]

mod env;
mod error;
mod guard;
mod log;
mod metrics;
mod metrics_service;
mod panic_hook;
mod pipeline;
mod service;
mod telemetry;
mod trace;
mod unread;

pub use error::{Error, ErrorKind, Result};
pub use guard::Guard;
pub use log::{LogFormat, ParseLogFormatError};
pub use metrics::Recorder;
pub use metrics_service::{MetricsService, metrics_service};
pub use pipeline::Pipeline;
pub use service::{InService, NamedService, ServiceLayer, with_service};
pub use telemetry::{Telemetry, init};
