use std::future::Future;

use mcsv_core::Result;

use super::next::{Next, Reply};
use crate::Cx;

/// Middleware around the calls of a router: it sees each before its message is read, and how it
/// ended.
///
/// What it may do: refuse with an error, which reaches the caller in its protocol's form; change the
/// request's headers and extensions; shorten the deadline; set headers of the answer; replace the
/// error or the headers that come back. It runs in the call's span and trace, its deadline ends it,
/// and a panic in it is answered as `internal`, as in a handler.
///
/// It runs **before the body is read**, so that a caller without rights costs no more than a head.
/// The price is that it sees no message: what depends on one belongs into the handler.
///
/// A closure is one, and so is an `async fn` of the same arguments:
///
/// ```
/// use mcsv_rpc::{Cx, Error, Next, Router};
///
/// fn authorize(cx: &Cx) -> mcsv_rpc::Result<()> {
///     match cx.headers().get("authorization") {
///         Some(token) if token == "Bearer t" => Ok(()),
///         _ => Err(Error::unauthenticated("send the service token")),
///     }
/// }
///
/// let app = Router::new().rpc_layer(|cx: Cx, next: Next| async move {
///     authorize(&cx)?;
///     next.run(cx).await
/// });
/// # drop(app);
/// ```
///
/// A type with settings implements the trait, by a plain `async fn`:
///
/// ```
/// use mcsv_rpc::{Cx, Deadline, Next, Reply, Router, RpcLayer};
/// use std::time::Duration;
///
/// /// Gives no call more than this, whatever its caller allows.
/// struct AtMost(Duration);
///
/// impl RpcLayer for AtMost {
///     async fn call(&self, mut cx: Cx, next: Next) -> mcsv_rpc::Result<Reply> {
///         let now = tokio::time::Instant::now().into_std();
///         cx.shorten_deadline(Deadline::after(now, self.0));
///         next.run(cx).await
///     }
/// }
///
/// let app = Router::new().rpc_layer(AtMost(Duration::from_secs(10)));
/// # drop(app);
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no RPC layer",
    note = "write `|cx: Cx, next: Next| async move {{ next.run(cx).await }}` with both types named, \
            or implement `RpcLayer` for a type of your own"
)]
pub trait RpcLayer: Send + Sync + 'static {
    /// Takes the call on by [`Next::run`], or refuses it with an error.
    fn call(&self, cx: Cx, next: Next) -> impl Future<Output = Result<Reply>> + Send;
}

impl<F, Fut> RpcLayer for F
where
    F: Fn(Cx, Next) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Result<Reply>> + Send,
{
    fn call(&self, cx: Cx, next: Next) -> impl Future<Output = Result<Reply>> + Send {
        self(cx, next)
    }
}
