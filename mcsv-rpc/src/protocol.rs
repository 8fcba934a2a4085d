/// What an RPC looks like on the wire.
///
/// A server answers all of them, each in its own form; a client speaks the one that it is set to.
///
/// ```
/// use mcsv_rpc::{Channel, Protocol};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> mcsv_rpc::Result<()> {
/// let channel = Channel::connect("http://127.0.0.1:8081")?.with_protocol(Protocol::Grpc);
/// # drop(channel);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Protocol {
    /// [Twirp v7](https://twitchtv.github.io/twirp/docs/spec_v7.html), over HTTP/1.1 or HTTP/2.
    #[default]
    Twirp,
    /// [Connect](https://connectrpc.com/docs/protocol) for unary methods, over HTTP/1.1 or HTTP/2.
    Connect,
    /// [gRPC](https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md), over HTTP/2 only.
    Grpc,
}

impl Protocol {
    /// The value of the attribute `rpc.system.name` of OpenTelemetry; Twirp's is our own.
    pub(crate) const fn system(self) -> &'static str {
        match self {
            Protocol::Twirp => "twirp",
            Protocol::Connect => "connectrpc",
            Protocol::Grpc => "grpc",
        }
    }

    /// The value of the label `protocol` of a metric.
    pub(crate) const fn label(self) -> &'static str {
        match self {
            Protocol::Twirp => "twirp",
            Protocol::Connect => "connect",
            Protocol::Grpc => "grpc",
        }
    }
}
