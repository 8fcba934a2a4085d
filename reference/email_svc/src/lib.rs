//! The email service: renders and delivers mail, each one once.
//!
//! Read [`Config`], then [`router`], then `handlers/`.

mod app;
mod config;
mod handlers;
mod mail;
mod template;
mod transport;

pub use app::{named, router};
pub use config::{Config, MailConfig};
