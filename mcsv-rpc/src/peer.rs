use std::net::SocketAddr;

/// The address on the other side of the connection, in the extensions of a request that a
/// [`Server`](crate::Server) hands to a layer or a nested service.
///
/// Behind a proxy this is the proxy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PeerAddr(pub SocketAddr);
