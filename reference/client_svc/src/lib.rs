//! The client service: a user's window.
//!
//! It receives the final callbacks, keeps the newest of them in its [`Inbox`], and serves the page
//! on which a user sends images and sees what became of them. Nothing here must last.

mod app;
mod config;
mod handlers;
mod inbox;
mod web;

pub use app::{named, router};
pub use config::Config;
pub use inbox::{Inbox, Message};
