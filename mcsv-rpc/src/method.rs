/// What is known of one RPC method before any call: its names and what its proto promises.
///
/// Generated code holds one constant per method.
///
/// ```
/// use mcsv_rpc::RpcMethod;
///
/// const CREATE: RpcMethod = RpcMethod::new("shop.v1.Orders/Create");
/// assert_eq!((CREATE.service(), CREATE.name()), ("shop.v1.Orders", "Create"));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RpcMethod {
    full_name: &'static str,
    service: &'static str,
    name: &'static str,
    request: &'static str,
    idempotency: Idempotency,
}

impl RpcMethod {
    /// The method `package.Service/Method`.
    ///
    /// # Panics
    ///
    /// `full_name` has no slash. It is meant for constants, where that is a compile error.
    #[must_use]
    pub const fn new(full_name: &'static str) -> Self {
        let bytes = full_name.as_bytes();
        let mut slash = 0;
        while slash < bytes.len() && bytes[slash] != b'/' {
            slash += 1;
        }
        assert!(slash < bytes.len(), "a method is named package.Service/Method");
        let (service, rest) = full_name.split_at(slash);
        let (_, name) = rest.split_at(1);
        RpcMethod { full_name, service, name, request: "", idempotency: Idempotency::Unspecified }
    }

    /// Names the request's message, for errors.
    #[must_use]
    pub const fn with_request(self, request: &'static str) -> Self {
        RpcMethod { request, ..self }
    }

    /// Says what a second call does.
    #[must_use]
    pub const fn with_idempotency(self, idempotency: Idempotency) -> Self {
        RpcMethod { idempotency, ..self }
    }

    /// `package.Service/Method`: the end of the path.
    #[must_use]
    pub const fn full_name(&self) -> &'static str {
        self.full_name
    }

    /// `package.Service`.
    #[must_use]
    pub const fn service(&self) -> &'static str {
        self.service
    }

    /// The name in the proto file.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        self.name
    }

    /// The full name of the request's message; empty if it was not given.
    #[must_use]
    pub const fn request(&self) -> &'static str {
        self.request
    }

    /// What a second call does.
    #[must_use]
    pub const fn idempotency(&self) -> Idempotency {
        self.idempotency
    }
}

/// What calling a method twice does: the option `idempotency_level` of its proto.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Idempotency {
    /// The proto does not say: a second call may have a second effect.
    Unspecified,
    /// The method changes nothing.
    NoSideEffects,
    /// A second call has no further effect.
    Idempotent,
}
