use std::convert::Infallible;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use http::Response;
use mcsv_core::Error;

use super::http_service::HttpFuture;
use super::service::ServiceFuture;
use crate::twirp::error_response;
use crate::{Body, BoxError};

/// The future of a [`Router`](crate::Router); it never fails, an error is an answer.
#[must_use = "a future does nothing until it is polled"]
pub struct RouterFuture(Pending);

enum Pending {
    Rpc(ServiceFuture),
    Http(HttpFuture),
    Refused(Option<Response<Body>>),
}

impl RouterFuture {
    pub(super) fn rpc(future: ServiceFuture) -> Self {
        RouterFuture(Pending::Rpc(future))
    }

    pub(super) fn http(future: HttpFuture) -> Self {
        RouterFuture(Pending::Http(future))
    }

    pub(super) fn refused(refusal: Response<Body>) -> Self {
        tracing::debug!(status = refusal.status().as_u16(), "refused a request");
        RouterFuture(Pending::Refused(Some(refusal)))
    }
}

impl Future for RouterFuture {
    type Output = Result<Response<Body>, Infallible>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match &mut self.get_mut().0 {
            Pending::Rpc(future) => future.as_mut().poll(cx),
            Pending::Http(future) => {
                future.as_mut().poll(cx).map(|result| Ok(result.unwrap_or_else(failed)))
            }
            Pending::Refused(response) => match response.take() {
                Some(response) => Poll::Ready(Ok(response)),
                None => Poll::Pending,
            },
        }
    }
}

fn failed(cause: BoxError) -> Response<Body> {
    tracing::warn!(%cause, "a layer or a nested service failed");
    error_response(&Error::unavailable("the service can't answer now"))
}

impl fmt::Debug for RouterFuture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RouterFuture").finish_non_exhaustive()
    }
}
