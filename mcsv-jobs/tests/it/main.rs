//! The promises of the queue, one file per promise.

mod kit;
mod roundtrip;
