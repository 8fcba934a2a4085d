//! The promises of the queue: those of every store, and those of one.

#![allow(clippy::unwrap_used, reason = "a helper that fails fails its test")]

mod apalis;
mod board;
mod input;
#[cfg(feature = "encryption")]
mod keys;
mod kill;
mod kit;
mod lock;
#[cfg(feature = "postgres")]
mod outage;
#[cfg(feature = "postgres")]
mod server;
mod stores;
mod test_queue;
mod trace_matrix;
