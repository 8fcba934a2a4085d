//! From a generated client to a connection, in the order in which a call passes.

mod balance;
mod broken;
mod budget;
mod call;
mod channel;
mod connect_get;
mod connector;
mod ejection;
mod endpoint;
mod fault;
#[cfg(feature = "tls")]
mod identity;
mod never_sent;
mod outcome;
mod persist;
mod retry;
mod send;
mod shared;
mod transport;
mod tried;
mod wire;

pub use balance::Endpoints;
pub use call::{Call, CallFuture};
pub use channel::Channel;
pub(crate) use fault::Fault;
pub use never_sent::NeverSent;
pub use outcome::Outcome;
pub use retry::Retry;
pub use transport::{Transport, TransportFuture};
