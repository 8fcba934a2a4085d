//! Telemetry as its users see it.

#![allow(clippy::unwrap_used, reason = "a helper that fails fails its test")]

mod capture;
mod collector;
mod delivery;
mod exposition;
mod hostile;
mod install;
mod logs;
mod metrics;
mod scrape;
mod services;
mod settings;
mod traces;
