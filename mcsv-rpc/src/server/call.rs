use std::convert::Infallible;
use std::fmt;
use std::future::Future;

use http::Response;
use mcsv_core::{Error, Result};

use super::answer::Answer;
use super::exchange::Exchange;
use super::guard::Guarded;
use super::layered::layered;
use super::packing::Packing;
use super::places::Place;
use super::running::{Running, Work};
use super::service::ServiceFuture;
use crate::dialect::Dialect;
use crate::observe::Observed;
use crate::read::{Bounds, drain, expects};
use crate::rpc_layer::Layers;
use crate::{Body, Cx, Message};

/// One request on its way to its handler.
pub struct IncomingCall {
    pub(super) cx: Cx,
    /// How the messages are packed, or why the call is refused.
    pub(super) packing: Result<Packing>,
    pub(super) body: Body,
    pub(super) terms: Terms,
    pub(super) observed: Observed,
}

/// What a router says of a call beside its request.
pub(super) struct Terms {
    pub(super) dialect: Dialect,
    pub(super) bounds: Bounds,
    pub(super) layers: Layers,
    /// The place that the call takes among those in flight, where they are counted.
    pub(super) place: Option<Place>,
}

impl IncomingCall {
    /// Reads the message, runs `handler` under the call's deadline, trace and span, and makes the
    /// answer. A panic of the handler is answered too, as `internal`.
    pub fn unary<Req, Resp, H, F>(
        self,
        handler: H,
    ) -> impl Future<Output = Result<Response<Body>, Infallible>> + Send
    where
        Req: Message + 'static,
        Resp: Message + 'static,
        H: FnOnce(Cx, Req) -> F + Send + 'static,
        F: Future<Output = (Cx, Result<Resp>)> + Send + 'static,
    {
        let IncomingCall { cx, packing, body, terms, observed } = self;
        let Terms { dialect, bounds, layers, place } = terms;
        let deadline = cx.deadline();
        let work = match packing {
            Err(error) => {
                drain(expects(cx.headers()), body);
                let refused = std::future::ready(Answer::refused(error));
                Work::Boxed { work: Box::pin(refused) }
            }
            Ok(packing) if !layers.is_empty() => {
                Work::Boxed { work: layered(layers, cx, packing, body, bounds, handler) }
            }
            Ok(packing) => {
                Work::Bare { exchange: Exchange::new(cx, packing, body, bounds, handler) }
            }
        };
        Running::new(observed, dialect, place, Guarded::new(deadline, work))
    }

    /// The answer where a service is asked for a method that it does not list.
    pub fn unknown_method(self) -> ServiceFuture {
        let error = Error::bad_route(format!("no method {}", self.cx.method().full_name()));
        Box::pin(std::future::ready(Ok(self.terms.dialect.refusal(&error))))
    }
}

impl fmt::Debug for IncomingCall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("IncomingCall")
            .field("method", &self.cx.method().full_name())
            .finish_non_exhaustive()
    }
}
