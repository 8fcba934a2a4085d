#![doc = include_str!("../README.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]

mod backoff;
mod bridge;
mod code;
mod deadline;
mod error;
mod error_detail;
mod health;
mod idempotency_key;
mod scope;
mod secret;
mod shutdown;
mod trace_context;
mod trace_id;

pub use backoff::{Backoff, BackoffError};
pub use bridge::{BridgeInstalledError, TraceBridge, install_trace_bridge, link_span};
pub use code::{Code, ParseCodeError};
pub use deadline::Deadline;
pub use error::{Error, Result};
pub use error_detail::ErrorDetail;
pub use health::{Check, CheckFuture, CheckReport, Health, HealthReport};
pub use idempotency_key::{IdempotencyKey, ParseIdempotencyKeyError};
pub use scope::{Scoped, TraceScope};
pub use secret::Secret;
pub use shutdown::{Begun, Drained, Shutdown, ShutdownGuard};
pub use trace_context::{ParseTraceContextError, Sampling, TraceContext};
pub use trace_id::{ParseTraceIdError, SpanId, TraceId};
