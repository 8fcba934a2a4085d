//! The job service: the durable queue and its workers.
//!
//! Read [`Config`], then [`open`], then `kinds/` (what can be asked for), `handlers/` (who asks) and
//! `workers/` (what then happens).

mod app;
mod config;
mod handlers;
mod kinds;
mod neighbours;
mod workers;

pub use app::{JobSvc, named, open};
pub use config::Config;
