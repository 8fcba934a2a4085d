#![doc = include_str!("../README.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]

mod backend;
mod batch;
mod batch_id;
mod board;
mod codec;
mod cron;
mod cx;
mod enqueue;
mod error;
mod event;
mod event_cursor;
mod failure;
mod filter;
mod from_row;
mod handler;
mod history;
mod job;
mod job_id;
mod jobs;
mod keeper;
mod keyring;
#[cfg(feature = "encryption")]
mod keys;
mod limits;
mod logged_event;
mod new_job;
mod outcome;
mod owner;
mod policy;
mod progress;
mod record;
mod registry;
mod relation;
mod retention;
mod settle;
mod state;
mod stats;
mod store;
#[cfg(feature = "testing")]
pub mod testing;
mod trace;
mod unique;
mod verify;
mod wake;
mod workers;

pub use backend::{AckLayer, AckService, Delivery, QueueBackend, QueueConfig};
pub use batch::{BatchStatus, EnqueueBatch, EnqueuedBatch};
pub use batch_id::BatchId;
pub use board::{Board, ValueCodec};
#[cfg(feature = "prost")]
pub use codec::Protobuf;
#[cfg(feature = "encryption")]
pub use codec::Sealed;
pub use codec::{Codec, Json};
pub use cron::{CatchUp, Cron, CronExpr, Tick};
pub use cx::JobCx;
#[cfg(feature = "postgres")]
pub use enqueue::EnqueueOnPg;
pub use enqueue::{Enqueue, EnqueueOn, Enqueued};
pub use error::{BoxError, Error, ErrorKind};
pub use event::{Event, Transition};
pub use event_cursor::EventCursor;
pub use failure::{Failure, Permanent};
pub use filter::{Filter, Page, PageToken};
pub use handler::Handler;
pub use history::{History, Snapshot};
pub use job::Job;
pub use job_id::JobId;
pub use jobs::{EventStream, Jobs, WatchProgress};
#[cfg(feature = "encryption")]
pub use keys::Keys;
pub use limits::Limits;
pub use logged_event::{EventPage, LoggedEvent};
pub use new_job::NewJob;
pub use outcome::Outcome;
pub use policy::Policy;
pub use record::{AttemptError, JobRecord};
pub use relation::Relation;
pub use retention::Retention;
pub use state::State;
pub use stats::{Depth, Pruned, QueueStats};
pub use unique::{Replace, Unique};
pub use verify::{Difference, Problem, Verification};
pub use workers::Workers;
