//! Telemetry as its users see it.

mod capture;
mod collector;
mod logs;
