//! The promises of the queue: those of every store, and those of one.

#![allow(clippy::unwrap_used, reason = "a helper that fails fails its test")]

mod apalis;
mod blocking;
mod board;
#[cfg(feature = "postgres")]
mod clock;
mod counted;
mod counters;
mod cron;
mod documents;
mod durable;
#[cfg(feature = "postgres")]
mod encoding;
mod full_disk;
#[cfg(feature = "postgres")]
mod half_open;
#[cfg(feature = "postgres")]
mod idle_session;
mod input;
#[cfg(feature = "postgres")]
mod isolation;
mod keeper;
#[cfg(feature = "encryption")]
mod keys;
mod kill;
mod kit;
mod large;
mod lock;
mod lost_file;
#[cfg(feature = "postgres")]
mod outage;
#[cfg(feature = "postgres")]
mod overlap;
#[cfg(feature = "postgres")]
mod pgbouncer;
mod poison;
#[cfg(feature = "postgres")]
mod pool;
#[cfg(feature = "postgres")]
mod proxy;
#[cfg(feature = "postgres")]
mod server;
mod stores;
#[cfg(feature = "postgres")]
mod subscribe;
mod test_queue;
mod trace_matrix;
mod warnings;
