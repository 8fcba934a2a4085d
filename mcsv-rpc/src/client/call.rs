use std::fmt;
use std::future::{Future, IntoFuture};
use std::marker::PhantomData;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use http::{HeaderMap, HeaderName, HeaderValue, Response};
use mcsv_core::Result;

use super::outcome::{KeptHead, Outcome};
use super::persist::Policy;
use super::retry::Retry;
use super::send::send;
use super::shared::{Shared, secret};
use super::wire::{Packed, Wire};
use crate::undisclosed::Undisclosed;
use crate::{Message, RpcMethod};

/// A call that is ready to be sent: await it, or set something for this call first.
///
/// ```
/// # use std::time::Duration;
/// # fn call(call: mcsv_rpc::Call<()>) -> mcsv_rpc::Call<()> {
/// call.timeout(Duration::from_secs(2)).header("x-tenant", "a").no_retry()
/// # }
/// ```
#[must_use = "nothing is sent until the call is awaited"]
pub struct Call<Resp> {
    pub(crate) channel: Arc<Shared>,
    pub(crate) method: &'static RpcMethod,
    pub(crate) wire: Wire,
    /// The request, or why it has no bytes.
    pub(crate) body: Result<Packed>,
    pub(crate) timeout: Option<Duration>,
    pub(crate) headers: HeaderMap,
    pub(crate) defect: Option<&'static str>,
    /// In place of the channel's.
    pub(crate) policy: Option<Arc<Policy>>,
    /// Where the metadata of the answer goes, if it is wanted.
    pub(crate) head: Option<Arc<KeptHead>>,
    response: PhantomData<fn() -> Resp>,
}

impl<Resp> Call<Resp> {
    pub(crate) fn new(
        channel: Arc<Shared>,
        method: &'static RpcMethod,
        request: &impl Message,
    ) -> Self {
        let (timeout, wire, policy) = (channel.timeout, channel.wire, channel.policy.clone());
        let body = wire.pack(request).map_err(Undisclosed::mark);
        Call {
            channel,
            method,
            wire,
            body,
            timeout,
            headers: HeaderMap::new(),
            defect: None,
            policy,
            head: None,
            response: PhantomData,
        }
    }

    /// Gives this call at most `timeout`, in place of its client's time-out. A handler's deadline
    /// still ends it where that is earlier.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = Some(timeout);
        self
    }

    /// Sends this call again as `retry` says, in place of its client's policy. It pays from its
    /// channel's budget.
    pub fn retry(self, retry: Retry) -> Self {
        let hedge = self.policy.as_ref().and_then(|policy| policy.hedge);
        self.persist(Policy { retry, hedge })
    }

    /// Sends this call once: no retry, no hedge.
    pub fn no_retry(mut self) -> Self {
        self.policy = None;
        self
    }

    /// Sends a second request beside the first where that has no answer after `delay`; see
    /// [`Channel::with_hedge_after`](crate::Channel::with_hedge_after).
    pub fn hedge_after(self, delay: Duration) -> Self {
        let policy = self.policy.as_deref().copied().unwrap_or(Policy::none());
        self.persist(Policy { hedge: Some(delay), ..policy })
    }

    fn persist(mut self, policy: Policy) -> Self {
        self.policy = Some(Arc::new(policy));
        self
    }

    /// Sends a header with this call, in place of its client's of that name; a name that is given
    /// again has several values. No `Debug` shows a value.
    ///
    /// A name or value that is no header makes the call answer `invalid_argument`.
    pub fn header<K, V>(mut self, name: K, value: V) -> Self
    where
        K: TryInto<HeaderName>,
        V: TryInto<HeaderValue>,
    {
        let defect =
            secret(name, value).map(|(name, value)| self.headers.append(name, value)).err();
        self.defect = self.defect.or(defect);
        self
    }
}

impl<Resp: Message + 'static> Call<Resp> {
    /// Sends the call and gives the answer with its headers.
    ///
    /// # Errors
    ///
    /// What the handler answered; `unavailable` where the server can't be reached, `canceled` where it
    /// cancels the stream; `deadline_exceeded`, `resource_exhausted` (an answer over the limit) and
    /// `internal` (an answer that can't be read) from this side.
    pub async fn into_response(self) -> Result<Response<Resp>> {
        send(self).await
    }

    /// Sends the call and gives all of the answer: its headers and trailers too where it is an error.
    ///
    /// ```
    /// # async fn run(call: mcsv_rpc::Call<()>) {
    /// let outcome = call.into_outcome().await;
    /// println!("{:?} after {:?}", outcome.result(), outcome.headers().get("server-timing"));
    /// # }
    /// ```
    pub async fn into_outcome(mut self) -> Outcome<Resp> {
        let head = Arc::new(KeptHead::default());
        self.head = Some(head.clone());
        Outcome::new(&head, send(self).await)
    }
}

impl<Resp: Message + 'static> IntoFuture for Call<Resp> {
    type Output = Result<Resp>;
    type IntoFuture = CallFuture<Resp>;

    fn into_future(self) -> CallFuture<Resp> {
        CallFuture(Box::pin(async move { Ok(send(self).await?.into_body()) }))
    }
}

impl<Resp> fmt::Debug for Call<Resp> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Call")
            .field("method", &self.method.full_name())
            .field("timeout", &self.timeout)
            .finish_non_exhaustive()
    }
}

/// The future of a [`Call`].
///
/// # Cancel safety
///
/// Dropping it gives the call up: over HTTP the connection is closed, and the server drops its
/// handler.
#[must_use = "a future does nothing until it is polled"]
pub struct CallFuture<Resp>(Pin<Box<dyn Future<Output = Result<Resp>> + Send>>);

impl<Resp> Future for CallFuture<Resp> {
    type Output = Result<Resp>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.get_mut().0.as_mut().poll(cx)
    }
}

impl<Resp> fmt::Debug for CallFuture<Resp> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CallFuture").finish_non_exhaustive()
    }
}
