//! The program as its users run it: processes, files, sockets, signals.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod demo;
mod faults;
mod mails;
mod openapi;
mod process;
mod stack;
mod wrong_input;
