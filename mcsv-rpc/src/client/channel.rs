use std::sync::Arc;
use std::time::Duration;

use http::{HeaderMap, HeaderName, HeaderValue};
use mcsv_core::{Error, Result};

use super::call::Call;
#[cfg(feature = "tls")]
use super::connector::Trust;
use super::endpoint::Endpoint;
use super::transport::Transport;
use super::wire::Wire;
use crate::codec::Codec;
use crate::coding::Coding;
use crate::{HttpService, Message, Protocol, Router, RpcMethod};

/// One server as a client sees it: where it is, what carries the requests, and what every call of
/// it has in common.
///
/// Generated clients hold one. Make it yourself to share it, and its connections, among the clients
/// of several services of one server:
///
/// ```
/// use mcsv_rpc::Channel;
/// use std::time::Duration;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> mcsv_rpc::Result<()> {
/// let channel = Channel::connect("http://127.0.0.1:8081")?.with_timeout(Duration::from_secs(5));
/// // UserServiceClient::from_channel(channel.clone())
/// # drop(channel);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Channel {
    shared: Arc<Shared>,
}

#[derive(Clone, Debug)]
pub(crate) struct Shared {
    pub(crate) transport: Transport,
    pub(crate) endpoint: Endpoint,
    pub(crate) wire: Wire,
    pub(crate) timeout: Option<Duration>,
    pub(crate) headers: HeaderMap,
    pub(crate) response_limit: usize,
    /// The first header that can't be sent; every call answers it.
    pub(crate) defect: Option<&'static str>,
}

impl Channel {
    /// The most bytes of a response message, where nothing else is set: 64 MiB.
    pub const RESPONSE_LIMIT: usize = 64 << 20;

    /// A channel to the server at `url`, `http://host:port` with or without a path prefix, or
    /// `https://` with the feature `tls`. It connects when it is used.
    ///
    /// # Errors
    ///
    /// `invalid_argument`: the URL has no host, another scheme, a query, or a password.
    pub fn connect(url: impl AsRef<str>) -> Result<Self> {
        Ok(Channel::of(Transport::http(), Endpoint::parse(url.as_ref())?))
    }

    /// A channel over any tower service. Requests go to `http://service/twirp/...`.
    pub fn new(service: impl HttpService) -> Self {
        Channel::of(Transport::new(service), Endpoint::local("service"))
    }

    /// A channel to `router` in this process, without a network.
    #[must_use]
    pub fn in_process(router: Router) -> Self {
        Channel::of(Transport::in_process(router), Endpoint::local("in-process"))
    }

    fn of(transport: Transport, endpoint: Endpoint) -> Self {
        let shared = Shared {
            transport,
            endpoint,
            wire: Wire::default(),
            timeout: None,
            headers: HeaderMap::new(),
            response_limit: Self::RESPONSE_LIMIT,
            defect: None,
        };
        Channel { shared: Arc::new(shared) }
    }

    /// Sends the requests to `url` instead, over the same transport: for a transport of your own
    /// that reads the host.
    ///
    /// # Errors
    ///
    /// Like [`connect`](Self::connect).
    pub fn with_url(self, url: impl AsRef<str>) -> Result<Self> {
        let endpoint = Endpoint::parse(url.as_ref())?;
        Ok(self.edit(|shared| shared.endpoint = endpoint))
    }

    /// Gives every call at most `timeout`, from its first poll to the last byte of its answer. A
    /// call inside a handler ends at the handler's deadline where that is earlier.
    #[must_use]
    pub fn with_timeout(self, timeout: Duration) -> Self {
        self.edit(|shared| shared.timeout = Some(timeout))
    }

    /// Sends and asks for messages in JSON instead of protobuf: larger and slower, to be read by
    /// people and by what stands between.
    #[must_use]
    pub fn with_json(self) -> Self {
        self.edit(|shared| shared.wire.codec = Codec::Json)
    }

    /// Speaks `protocol` instead of Twirp.
    ///
    /// The built-in transport takes connections of its own for gRPC, which needs HTTP/2. A service
    /// that was given to [`new`](Self::new) has to speak HTTP/2 itself.
    #[must_use]
    pub fn with_protocol(self, protocol: Protocol) -> Self {
        self.edit(|shared| {
            shared.wire.protocol = protocol;
            shared.transport.set_protocol(protocol);
        })
    }

    /// Trusts the certificate authorities in `roots`, PEM, and no others, instead of the public ones.
    /// For servers of your own; a transport that was given to [`new`](Self::new) stays as it is.
    ///
    /// # Errors
    ///
    /// `invalid_argument`: there is no certificate in `roots`, or one that can't be read.
    #[cfg(feature = "tls")]
    #[cfg_attr(docsrs, doc(cfg(feature = "tls")))]
    pub fn with_tls_roots(self, roots: impl AsRef<[u8]>) -> Result<Self> {
        let trust = Trust::only(roots.as_ref())?;
        Ok(self.edit(|shared| shared.transport.set_trust(trust)))
    }

    /// Compresses requests of 1 KiB and more with gzip, and asks for compressed answers.
    ///
    /// Worth it where the network is the bottleneck. A Twirp server of another make may not know it.
    #[must_use]
    pub fn with_gzip(self) -> Self {
        self.edit(|shared| shared.wire.coding = Coding::Gzip)
    }

    /// Sends a header with every call. Its value is treated as a secret: no `Debug` shows it.
    ///
    /// A name or value that is no header makes every call answer `invalid_argument`.
    #[must_use]
    pub fn with_header<K, V>(self, name: K, value: V) -> Self
    where
        K: TryInto<HeaderName>,
        V: TryInto<HeaderValue>,
    {
        self.edit(|shared| {
            let defect = insert(&mut shared.headers, name, value).err();
            shared.defect = shared.defect.or(defect);
        })
    }

    /// Reads response messages of at most `bytes`, instead of
    /// [`RESPONSE_LIMIT`](Self::RESPONSE_LIMIT).
    #[must_use]
    pub fn with_response_limit(self, bytes: usize) -> Self {
        self.edit(|shared| shared.response_limit = bytes)
    }

    /// Prepares a call of `method`; nothing is sent before it is awaited.
    pub fn call<Resp>(&self, method: &'static RpcMethod, request: &impl Message) -> Call<Resp> {
        Call::new(self.shared.clone(), method, request)
    }

    fn edit(mut self, change: impl FnOnce(&mut Shared)) -> Self {
        change(Arc::make_mut(&mut self.shared));
        self
    }
}

/// Puts a header in, its value marked as a secret.
pub(crate) fn insert<K, V>(headers: &mut HeaderMap, name: K, value: V) -> Result<(), &'static str>
where
    K: TryInto<HeaderName>,
    V: TryInto<HeaderValue>,
{
    let name = name.try_into().map_err(|_| "a header's name is no token")?;
    let mut value = value.try_into().map_err(|_| "a header's value holds control characters")?;
    value.set_sensitive(true);
    headers.insert(name, value);
    Ok(())
}

impl Shared {
    pub(crate) fn check(&self) -> Result<()> {
        match self.defect {
            None => Ok(()),
            Some(defect) => Err(Error::invalid_argument(defect)),
        }
    }
}
