use std::convert::Infallible;
use std::future::Future;
use std::pin::Pin;

use http::Response;

use super::call::IncomingCall;
use crate::{Body, RpcMethod};

/// The future of one call; it never fails, since an error is an answer too.
pub type ServiceFuture = Pin<Box<dyn Future<Output = Result<Response<Body>, Infallible>> + Send>>;

/// The methods of one protobuf service, ready for a [`Router`](crate::Router).
///
/// Generated code implements it; there is no need to by hand.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no RPC service",
    note = "wrap your implementation in the generated `...Server`: `.add(UserServiceServer::new(app))`"
)]
pub trait RpcService: Send + Sync + 'static {
    /// The methods, in the order of the proto file.
    fn methods(&self) -> &'static [RpcMethod];

    /// What was set for this service.
    fn options(&self) -> &ServiceOptions;

    /// What an OpenAPI document says of the service, as generated; empty where nothing is known.
    fn openapi(&self) -> &'static str {
        ""
    }

    /// Answers a call of `methods()[method]`.
    fn call(&self, method: usize, call: IncomingCall) -> ServiceFuture;
}

/// Further names and limits of one service.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct ServiceOptions {
    pub(crate) aliases: Vec<Box<str>>,
    pub(crate) method_aliases: Vec<(Box<str>, Box<str>)>,
    pub(crate) body_limits: Vec<(Box<str>, usize)>,
}

impl ServiceOptions {
    /// Serves every method under `/alias/Method` too.
    pub fn add_alias(&mut self, alias: &str) {
        self.aliases.push(alias.trim_matches('/').into());
    }

    /// Serves the method `method` under the name `alias` too.
    pub fn add_method_alias(&mut self, alias: &str, method: &str) {
        self.method_aliases.push((alias.into(), method.into()));
    }

    /// Takes request bodies of at most `bytes` for `method`.
    pub fn set_body_limit(&mut self, method: &str, bytes: usize) {
        self.body_limits.retain(|(name, _)| **name != *method);
        self.body_limits.push((method.into(), bytes));
    }
}
