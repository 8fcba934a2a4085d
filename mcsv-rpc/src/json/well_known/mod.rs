//! The messages of Google whose JSON form is not an object of their fields.
//!
//! The wrappers are Rust's scalars, and are with them.

mod any;
mod duration;
mod empty;
mod field_mask;
mod fraction;
mod null;
mod structs;
mod timestamp;
