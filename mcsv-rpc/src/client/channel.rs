use std::sync::Arc;
use std::time::Duration;

use http::{HeaderMap, HeaderName, HeaderValue};
use mcsv_core::Result;

use super::balance::Endpoints;
use super::budget::Budget;
use super::call::Call;
use super::endpoint::Endpoint;
use super::persist::Policy;
use super::retry::Retry;
use super::shared::{Shared, secret};
use super::transport::Transport;
use super::wire::Wire;
use crate::codec::Codec;
use crate::coding::Coding;
use crate::observe::learn_recorder;
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

impl Channel {
    /// The most bytes of a response message, where nothing else is set: 64 MiB.
    pub const RESPONSE_LIMIT: usize = 64 << 20;

    /// A channel to the server at `url`, `http://host:port` with or without a path prefix, or
    /// `https://` with the feature `tls`. It connects when it is used.
    ///
    /// # Errors
    ///
    /// `invalid_argument`: the URL has no host, another scheme, a port that is none, a query, or a
    /// password.
    pub fn connect(url: impl AsRef<str>) -> Result<Self> {
        Ok(Channel::of(Transport::http(), Endpoint::parse(url.as_ref())?))
    }

    /// A channel to several servers of the same kind, each `http://host:port` as in
    /// [`connect`](Self::connect); [`Endpoints`] says who gets which call.
    ///
    /// ```
    /// use mcsv_rpc::{Channel, Retry};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> mcsv_rpc::Result<()> {
    /// // A retry goes to another server than the one that failed.
    /// let channel = Channel::connect_all(["http://10.0.0.1:8080", "http://10.0.0.2:8080"])?
    ///     .with_retry(Retry::idempotent(3));
    /// # drop(channel);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// `invalid_argument`: there is no URL, or one that can't be used.
    pub fn connect_all<U: AsRef<str>>(urls: impl IntoIterator<Item = U>) -> Result<Self> {
        Ok(Channel::balanced(Endpoints::new(urls)?))
    }

    /// A channel to servers that may change while it is used.
    #[must_use]
    pub fn balanced(endpoints: Endpoints) -> Self {
        Channel::of(Transport::http(), Endpoint::local("balanced")).with_endpoints(endpoints)
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
        learn_recorder();
        let shared = Shared {
            transport,
            endpoint,
            endpoints: None,
            policy: None,
            budget: budget(&Retry::idempotent(1)),
            twirp_prefix: Router::TWIRP_PREFIX.into(),
            get: false,
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
        Ok(self.edit(|shared| {
            shared.endpoint = endpoint;
            shared.endpoints = None;
        }))
    }

    /// Spreads the calls over `endpoints`, over the same transport.
    #[must_use]
    pub fn with_endpoints(self, endpoints: Endpoints) -> Self {
        self.edit(|shared| shared.endpoints = Some(endpoints))
    }

    /// Sends calls that failed again, as `retry` says.
    #[must_use]
    pub fn with_retry(self, retry: Retry) -> Self {
        self.edit(|shared| {
            let hedge = shared.policy.as_ref().and_then(|policy| policy.hedge);
            shared.policy = Some(Arc::new(Policy { retry, hedge }));
            shared.budget = budget(&retry);
        })
    }

    /// Sends a second request beside the first where that has no answer after `delay`: the first
    /// good answer wins, and the other request is given up.
    ///
    /// It makes the slowest calls faster, and costs as many requests more as are slower than
    /// `delay`: begin with the time that 95 % of the calls keep. Only methods are hedged whose proto
    /// allows a second call, and only as far as the budget reaches that [`Retry`] describes. A call
    /// that fails before `delay`, with a retry hint or without, is not hedged.
    ///
    /// ```
    /// use mcsv_rpc::{Channel, Retry};
    /// use std::time::Duration;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> mcsv_rpc::Result<()> {
    /// let channel = Channel::connect("http://127.0.0.1:8081")?
    ///     .with_retry(Retry::idempotent(2).with_budget(5, 1))
    ///     .with_hedge_after(Duration::from_millis(20));
    /// # drop(channel);
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn with_hedge_after(self, delay: Duration) -> Self {
        self.edit(|shared| {
            let policy = shared.policy.as_deref().copied().unwrap_or(Policy::none());
            shared.policy = Some(Arc::new(Policy { hedge: Some(delay), ..policy }));
        })
    }

    /// Calls Twirp's methods at `prefix/package.Service/Method` instead of
    /// [`Router::TWIRP_PREFIX`]; an empty prefix is one too.
    ///
    /// A prefix that does not start with a slash makes every call answer `invalid_argument`.
    #[must_use]
    pub fn with_twirp_prefix(self, prefix: &str) -> Self {
        let prefix = prefix.trim_end_matches('/');
        self.edit(|shared| {
            shared.twirp_prefix = prefix.into();
            if !prefix.is_empty() && !prefix.starts_with('/') {
                shared.defect.get_or_insert("the Twirp prefix does not start with a slash");
            }
        })
    }

    /// Calls methods with `idempotency_level = NO_SIDE_EFFECTS` by GET where the channel speaks
    /// Connect, so that caches between can answer them. A request that would make the URL longer
    /// than 8,000 bytes goes by POST.
    ///
    /// What is in a URL is in access logs: leave it off where requests hold secrets.
    #[must_use]
    pub fn with_get(self) -> Self {
        self.edit(|shared| shared.get = true)
    }

    /// Speaks HTTP/2 for Twirp and Connect too: by prior knowledge to `http://`, by ALPN to
    /// `https://`. gRPC always does. A transport that was given to [`new`](Self::new) stays as it is.
    #[must_use]
    pub fn with_http2(self) -> Self {
        self.edit(|shared| shared.transport.set_http2())
    }

    /// Waits for a TCP connection for at most `timeout`, instead of
    /// [`Transport::CONNECT_TIMEOUT`]. A host's several addresses share it.
    #[must_use]
    pub fn with_connect_timeout(self, timeout: Duration) -> Self {
        self.edit(|shared| shared.transport.set_connect_timeout(timeout))
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
        self.try_edit(|shared| shared.transport.edit_trust(|trust| trust.set_only(roots.as_ref())))
    }

    /// Proves the client's name to servers that ask for it (mTLS), with a certificate chain, the
    /// client's own first, and its private key, both PEM.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> mcsv_rpc::Result<()> {
    /// let channel = mcsv_rpc::Channel::connect("https://orders.internal")?;
    /// let refused = channel.with_tls_identity("no chain", "no key").unwrap_err();
    /// assert!(refused.message().contains("certificate"));
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// `invalid_argument`: one of them can't be read, or the key is not the certificate's.
    #[cfg(feature = "tls")]
    #[cfg_attr(docsrs, doc(cfg(feature = "tls")))]
    pub fn with_tls_identity(self, chain: impl AsRef<[u8]>, key: impl AsRef<[u8]>) -> Result<Self> {
        self.try_edit(|shared| {
            let (chain, key) = (chain.as_ref(), key.as_ref());
            shared.transport.edit_trust(|trust| trust.set_identity(chain, key))
        })
    }

    /// Compresses requests of 1 KiB and more with gzip, and asks for compressed answers.
    ///
    /// Worth it where the network is the bottleneck. A Twirp server of another make may not know it.
    #[must_use]
    pub fn with_gzip(self) -> Self {
        self.edit(|shared| shared.wire.coding = Coding::Gzip)
    }

    /// Compresses requests of 1 KiB and more with zstd, and asks for answers in zstd or gzip.
    ///
    /// It packs tighter than gzip in less time, and fewer servers read it. Without the feature `zstd`
    /// this is [`with_gzip`](Self::with_gzip).
    #[must_use]
    pub fn with_zstd(self) -> Self {
        self.edit(|shared| shared.wire.coding = Coding::BEST)
    }

    /// Compresses requests of at least `bytes` instead of 1 KiB, where the channel compresses at all.
    #[must_use]
    pub fn with_compression_from(self, bytes: usize) -> Self {
        self.edit(|shared| shared.wire.pack_from = bytes)
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
        self.edit(|shared| match secret(name, value) {
            Ok((name, value)) => drop(shared.headers.insert(name, value)),
            Err(defect) => drop(shared.defect.get_or_insert(defect)),
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

    #[cfg(feature = "tls")]
    fn try_edit(mut self, change: impl FnOnce(&mut Shared) -> Result<()>) -> Result<Self> {
        change(Arc::make_mut(&mut self.shared))?;
        Ok(self)
    }
}

fn budget(retry: &Retry) -> Arc<Budget> {
    let (percent, per_second) = retry.budget();
    Arc::new(Budget::new(percent, per_second))
}
