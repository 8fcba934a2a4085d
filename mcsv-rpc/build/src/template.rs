//! The code that is generated, with `@names@` to be filled in.

pub(crate) const SERVICE: &str = r#"
@doc@
#[allow(dead_code, unreachable_pub, rustdoc::all, clippy::all, clippy::pedantic)]
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not implement the RPC service `@Service@`",
    note = "write `impl @Service@ for ...` with one `async fn` per method"
)]
pub trait @Service@: ::core::marker::Send + ::core::marker::Sync + 'static {
@trait_methods@
}

/// Serves a [`@Service@`]: give it to a router's `add`.
#[allow(dead_code, unreachable_pub, rustdoc::all, clippy::all, clippy::pedantic)]
#[derive(Debug)]
pub struct @Service@Server<T> {
    service: ::std::sync::Arc<T>,
    options: ::mcsv_rpc::ServiceOptions,
}

#[allow(dead_code, unreachable_pub, rustdoc::all, clippy::all, clippy::pedantic)]
impl<T: @Service@> @Service@Server<T> {
    /// Serves `service`.
    pub fn new(service: T) -> Self {
        Self::from_arc(::std::sync::Arc::new(service))
    }

    /// Serves a service that others hold too.
    pub fn from_arc(service: ::std::sync::Arc<T>) -> Self {
        ::mcsv_rpc::json::register_any(@Service@Client::ANY_TYPES);
        Self { service, options: ::mcsv_rpc::ServiceOptions::default() }
    }

    /// Serves every method under `/alias/Method` too.
    #[must_use]
    pub fn with_alias(mut self, alias: &str) -> Self {
        self.options.add_alias(alias);
        self
    }

    /// Serves the method `method` under the name `alias` too.
    #[must_use]
    pub fn with_method_alias(mut self, alias: &str, method: &str) -> Self {
        self.options.add_method_alias(alias, method);
        self
    }

    /// Takes requests of at most `bytes` for `method`, whatever the router's limit.
    #[must_use]
    pub fn with_body_limit(mut self, method: &str, bytes: usize) -> Self {
        self.options.set_body_limit(method, bytes);
        self
    }
}

#[allow(dead_code, unused_variables, unreachable_pub, rustdoc::all, clippy::all, clippy::pedantic)]
impl<T: @Service@> ::mcsv_rpc::RpcService for @Service@Server<T> {
    fn methods(&self) -> &'static [::mcsv_rpc::RpcMethod] {
        @Service@Client::METHODS
    }

    fn options(&self) -> &::mcsv_rpc::ServiceOptions {
        &self.options
    }

    fn openapi(&self) -> &'static str {
        @Service@Client::OPENAPI
    }

    fn call(&self, method: usize, call: ::mcsv_rpc::IncomingCall) -> ::mcsv_rpc::ServiceFuture {
        let service = ::std::sync::Arc::clone(&self.service);
        match method {
@arms@
            _ => call.unknown_method(),
        }
    }
}

/// Calls a [`@Service@`]. Clones share the connections.
#[allow(dead_code, unreachable_pub, rustdoc::all, clippy::all, clippy::pedantic)]
#[derive(Clone, Debug)]
pub struct @Service@Client {
    channel: ::mcsv_rpc::Channel,
}

#[allow(dead_code, unreachable_pub, rustdoc::all, clippy::all, clippy::pedantic)]
impl @Service@Client {
    /// The methods, in the order of the proto file.
    pub const METHODS: &'static [::mcsv_rpc::RpcMethod] = &[
@descriptors@
    ];

    /// What an OpenAPI document says of this service, for `mcsv_rpc::OpenApi`.
    const OPENAPI: &'static str = @openapi@;

    /// The messages of this package, which an `Any` in JSON may hold.
    const ANY_TYPES: &'static [::mcsv_rpc::json::AnyType] = &[@any_types@];

    /// A client of the server at `url`, `http://host:port`; it connects when it is used.
    ///
    /// # Errors
    ///
    /// The URL can't be used; see [`Channel::connect`](::mcsv_rpc::Channel::connect).
    pub fn connect(url: impl ::core::convert::AsRef<str>) -> ::mcsv_rpc::Result<Self> {
        ::mcsv_rpc::Channel::connect(url).map(Self::from_channel)
    }

    /// A client of several servers of the same kind, among which the calls are spread.
    ///
    /// # Errors
    ///
    /// A URL can't be used; see [`Channel::connect_all`](::mcsv_rpc::Channel::connect_all).
    pub fn connect_all<U: ::core::convert::AsRef<str>>(
        urls: impl ::core::iter::IntoIterator<Item = U>,
    ) -> ::mcsv_rpc::Result<Self> {
        ::mcsv_rpc::Channel::connect_all(urls).map(Self::from_channel)
    }

    /// A client over any tower service.
    pub fn new(transport: impl ::mcsv_rpc::HttpService) -> Self {
        Self::from_channel(::mcsv_rpc::Channel::new(transport))
    }

    /// A client of a router, or of one [`@Service@Server`], in this process, without a network.
    #[must_use]
    pub fn in_process(router: impl ::core::convert::Into<::mcsv_rpc::Router>) -> Self {
        Self::from_channel(::mcsv_rpc::Channel::in_process(router.into()))
    }

    /// A client over a channel that others may share.
    #[must_use]
    pub fn from_channel(channel: ::mcsv_rpc::Channel) -> Self {
        ::mcsv_rpc::json::register_any(Self::ANY_TYPES);
        Self { channel }
    }

    /// Gives every call at most `timeout`.
    #[must_use]
    pub fn with_timeout(mut self, timeout: ::std::time::Duration) -> Self {
        self.channel = self.channel.with_timeout(timeout);
        self
    }

    /// Sends calls that failed again, where a second one does no harm.
    #[must_use]
    pub fn with_retry(mut self, retry: ::mcsv_rpc::Retry) -> Self {
        self.channel = self.channel.with_retry(retry);
        self
    }

    /// Sends a second request beside one that has no answer after `delay`, where that does no harm.
    #[must_use]
    pub fn with_hedge_after(mut self, delay: ::std::time::Duration) -> Self {
        self.channel = self.channel.with_hedge_after(delay);
        self
    }

    /// Sends and asks for messages in JSON instead of protobuf.
    #[must_use]
    pub fn with_json(mut self) -> Self {
        self.channel = self.channel.with_json();
        self
    }

    /// Speaks `protocol` instead of Twirp.
    #[must_use]
    pub fn with_protocol(mut self, protocol: ::mcsv_rpc::Protocol) -> Self {
        self.channel = self.channel.with_protocol(protocol);
        self
    }

    /// Compresses long requests with gzip, and asks for compressed answers.
    #[must_use]
    pub fn with_gzip(mut self) -> Self {
        self.channel = self.channel.with_gzip();
        self
    }

    /// Compresses long requests with zstd, and asks for answers in zstd or gzip.
    #[must_use]
    pub fn with_zstd(mut self) -> Self {
        self.channel = self.channel.with_zstd();
        self
    }

    /// Sends a header with every call; no `Debug` shows its value.
    #[must_use]
    pub fn with_header<K, V>(mut self, name: K, value: V) -> Self
    where
        K: ::core::convert::TryInto<::mcsv_rpc::codegen::http::HeaderName>,
        V: ::core::convert::TryInto<::mcsv_rpc::codegen::http::HeaderValue>,
    {
        self.channel = self.channel.with_header(name, value);
        self
    }

    /// Reads answers of at most `bytes`.
    #[must_use]
    pub fn with_response_limit(mut self, bytes: usize) -> Self {
        self.channel = self.channel.with_response_limit(bytes);
        self
    }
@client_methods@
}

/// A server that is called takes the place of one that is here: the calls inherit the deadline and
/// the trace of `cx`, and nothing else of it.
#[allow(dead_code, unreachable_pub, rustdoc::all, clippy::all, clippy::pedantic)]
impl @Service@ for @Service@Client {
@forwards@
}
"#;

pub(crate) const TRAIT_METHOD: &str = r#"
@doc@
    fn @method@(
        &self,
        cx: &mut ::mcsv_rpc::Cx,
        request: @Request@,
    ) -> impl ::core::future::Future<Output = ::mcsv_rpc::Result<@Response@>> + ::core::marker::Send;
"#;

pub(crate) const DESCRIPTOR: &str = r#"
        ::mcsv_rpc::RpcMethod::new("@full_name@")
            .with_request("@request_name@")
            .with_idempotency(::mcsv_rpc::Idempotency::@idempotency@),
"#;

pub(crate) const ARM: &str = r#"
            @index@ => ::std::boxed::Box::pin(call.unary(
                move |mut cx: ::mcsv_rpc::Cx, request: @Request@| async move {
                    let outcome = <T as @Service@>::@method@(&*service, &mut cx, request).await;
                    (cx, outcome)
                },
            )),
"#;

pub(crate) const CLIENT_METHOD: &str = r#"
@doc@
    pub fn @client_method@(&self, request: @Request@) -> ::mcsv_rpc::Call<@Response@> {
        self.channel.call(&Self::METHODS[@index@], &request)
    }
"#;

pub(crate) const FORWARD: &str = r#"
    async fn @method@(
        &self,
        cx: &mut ::mcsv_rpc::Cx,
        request: @Request@,
    ) -> ::mcsv_rpc::Result<@Response@> {
        ::mcsv_rpc::codegen::forward(cx, self.channel.call(&Self::METHODS[@index@], &request)).await
    }
"#;
