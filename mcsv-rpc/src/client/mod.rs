//! From a generated client to a connection, in the order in which a call passes.

mod call;
mod channel;
mod connector;
mod endpoint;
mod never_sent;
mod send;
mod transport;
mod wire;

pub use call::{Call, CallFuture};
pub use channel::Channel;
pub use never_sent::NeverSent;
pub use transport::{Transport, TransportFuture};
