//! Tests of the generator's public interface.

#![allow(clippy::unwrap_used, reason = "a test fails by it, helpers included")]

mod checked_in;
mod errors;
mod rust_names;
mod stale;
mod streaming;
mod taken_names;
