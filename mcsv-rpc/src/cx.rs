use std::fmt;
use std::net::SocketAddr;

use http::{Extensions, HeaderMap};
use mcsv_core::{Deadline, TraceContext};

use crate::{ErrorDetail, PeerAddr, RpcMethod};

/// What a handler may know of its call beside the message, and the headers of its answer.
///
/// ```
/// use mcsv_rpc::{Cx, RpcMethod};
///
/// const CREATE: RpcMethod = RpcMethod::new("shop.v1.Orders/Create");
///
/// // A handler's unit test makes its own:
/// let cx = Cx::new(&CREATE);
/// assert_eq!(cx.method().name(), "Create");
/// assert_eq!(cx.deadline(), None);
/// ```
pub struct Cx {
    method: &'static RpcMethod,
    headers: HeaderMap,
    extensions: Extensions,
    response_headers: HeaderMap,
    error_details: Vec<ErrorDetail>,
    deadline: Option<Deadline>,
    peer: Option<SocketAddr>,
    trace: TraceContext,
}

impl Cx {
    /// A call of `method` from nowhere: no headers, no deadline, a trace of its own.
    #[must_use]
    pub fn new(method: &'static RpcMethod) -> Self {
        let trace = TraceContext::current().unwrap_or_else(TraceContext::random_root);
        Cx::of_request(method, HeaderMap::new(), Extensions::new(), trace)
    }

    pub(crate) fn of_request(
        method: &'static RpcMethod,
        headers: HeaderMap,
        extensions: Extensions,
        trace: TraceContext,
    ) -> Self {
        let response_headers = HeaderMap::new();
        Cx {
            method,
            headers,
            extensions,
            response_headers,
            error_details: Vec::new(),
            deadline: None,
            peer: None,
            trace,
        }
    }

    pub(crate) fn set_deadline(&mut self, deadline: Option<Deadline>) {
        self.deadline = deadline;
    }

    pub(crate) fn set_peer(&mut self, peer: Option<SocketAddr>) {
        self.peer = peer;
    }

    pub(crate) fn into_answer(self) -> (HeaderMap, Vec<ErrorDetail>) {
        (self.response_headers, self.error_details)
    }

    /// The method that was called.
    #[must_use]
    pub fn method(&self) -> &'static RpcMethod {
        self.method
    }

    /// The request's headers.
    #[must_use]
    pub fn headers(&self) -> &HeaderMap {
        &self.headers
    }

    /// What the layers in front have attached to the request.
    #[must_use]
    pub fn extensions(&self) -> &Extensions {
        &self.extensions
    }

    /// When the caller gives up, and this handler with it. Client calls made here inherit it.
    #[must_use]
    pub fn deadline(&self) -> Option<Deadline> {
        self.deadline
    }

    /// The other side of the connection, a proxy where there is one in between; `None` in process.
    #[must_use]
    pub fn peer_addr(&self) -> Option<SocketAddr> {
        self.peer.or_else(|| self.extensions.get::<PeerAddr>().map(|peer| peer.0))
    }

    /// Where this call stands in its trace.
    #[must_use]
    pub fn trace(&self) -> TraceContext {
        self.trace.clone()
    }

    /// The headers of the answer, whether it is a message or an error.
    ///
    /// The content type and the length are the protocol's: what is set for them here is dropped.
    pub fn response_headers_mut(&mut self) -> &mut HeaderMap {
        &mut self.response_headers
    }

    /// Adds a typed detail to the error that this handler is about to answer. A message drops it,
    /// and so does Twirp, which carries only metadata.
    ///
    /// ```
    /// use mcsv_rpc::{Cx, Error, ErrorDetail};
    ///
    /// fn refuse(cx: &mut Cx, bad_request: Vec<u8>) -> Error {
    ///     cx.add_error_detail(ErrorDetail::new("google.rpc.BadRequest", bad_request));
    ///     Error::invalid_argument("two fields are wrong: see the details")
    /// }
    /// ```
    pub fn add_error_detail(&mut self, detail: ErrorDetail) {
        self.error_details.push(detail);
    }
}

/// Shows no header's value: one of them may be a token.
impl fmt::Debug for Cx {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cx")
            .field("method", &self.method.full_name())
            .field("headers", &self.headers.keys())
            .field("deadline", &self.deadline)
            .field("peer_addr", &self.peer_addr())
            .field("trace", &self.trace)
            .finish_non_exhaustive()
    }
}
