//! The user service: the entry point, and the only holder of the object store's keys.
//!
//! Read [`Config`], then [`router`], then `handlers/`, one file per method.

mod app;
mod config;
mod handlers;
mod keys;

pub use app::{named, router};
pub use config::Config;
