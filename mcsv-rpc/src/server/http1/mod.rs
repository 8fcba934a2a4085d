//! HTTP/1.1 for calls that come and go as calls do: a request that is not long and comes without
//! delay, over a connection that is kept.
//!
//! Hyper is made for any request, and half of what it does for a small one is to be ready for what it
//! is not. So a connection begins here, and goes over to hyper, for good and with every byte that was
//! not answered, as soon as a request is not plain or late: see [`NotPlain`].

mod connection;
mod date;
mod request;
mod response;
#[cfg(test)]
mod tests;

pub(super) use connection::Http1;
use request::{NotPlain, Plain};
use response::Framing;
