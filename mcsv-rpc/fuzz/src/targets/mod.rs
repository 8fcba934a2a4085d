//! One module for each way in which bytes of a stranger come in. `run` must end, must not panic,
//! and checks what has to hold of any input.

pub mod connection;
pub mod core;
pub mod json;
pub mod protobuf;
pub mod request;
pub mod response;

mod head;
mod service;
