//! The promises of the queue, one file per promise.

#![allow(clippy::unwrap_used, reason = "a helper that fails fails its test")]

mod apalis;
mod cancel;
mod drain;
mod enqueue;
mod events;
mod failure;
mod input;
mod kill;
mod kit;
mod manage;
mod rescue;
mod roundtrip;
mod trace;
mod unique;
