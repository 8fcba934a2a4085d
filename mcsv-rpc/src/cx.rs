use std::fmt;
use std::net::SocketAddr;

use http::{Extensions, HeaderMap, HeaderName, HeaderValue};
use mcsv_core::{Deadline, TraceContext};

use crate::rpc_layer::{AnswerHeaders, KeptHeaders};
use crate::{PeerAddr, Protocol, RpcMethod, trailers};

/// What a handler may know of its call beside the message, and the headers of its answer.
///
/// The unit test of a handler or a [layer](crate::RpcLayer) makes its own:
///
/// ```
/// use http::header::{AUTHORIZATION, HeaderValue};
/// use mcsv_rpc::{Cx, RpcMethod};
///
/// const CREATE: RpcMethod = RpcMethod::new("shop.v1.Orders/Create");
///
/// let cx = Cx::new(&CREATE).with_header(AUTHORIZATION, HeaderValue::from_static("Bearer t"));
/// assert_eq!(cx.method().name(), "Create");
/// assert_eq!(cx.headers()[AUTHORIZATION], "Bearer t");
/// assert_eq!(cx.deadline(), None);
/// ```
pub struct Cx {
    /// In a box: on its way to the handler a call's context moves from future to future, and each
    /// of them would hold it once more.
    known: Box<Known>,
}

struct Known {
    method: &'static RpcMethod,
    protocol: Protocol,
    headers: HeaderMap,
    extensions: Extensions,
    response_headers: AnswerHeaders,
    deadline: Option<Deadline>,
    peer: Option<SocketAddr>,
    trace: TraceContext,
}

impl Cx {
    /// A call of `method` from nowhere: no headers, no deadline, a trace of its own.
    #[must_use]
    pub fn new(method: &'static RpcMethod) -> Self {
        let trace = TraceContext::current().unwrap_or_else(TraceContext::random_root);
        Cx::of_request(method, Protocol::default(), HeaderMap::new(), Extensions::new(), trace)
    }

    /// The same context with a header of the request.
    #[must_use]
    pub fn with_header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.known.headers.insert(name, value);
        self
    }

    /// The same context with a deadline, or an earlier one than it had.
    #[must_use]
    pub fn with_deadline(mut self, deadline: Deadline) -> Self {
        self.shorten_deadline(deadline);
        self
    }

    /// The same context in another protocol.
    #[must_use]
    pub fn with_protocol(mut self, protocol: Protocol) -> Self {
        self.known.protocol = protocol;
        self
    }

    pub(crate) fn of_request(
        method: &'static RpcMethod,
        protocol: Protocol,
        headers: HeaderMap,
        extensions: Extensions,
        trace: TraceContext,
    ) -> Self {
        let known = Known {
            method,
            protocol,
            headers,
            extensions,
            response_headers: AnswerHeaders::default(),
            deadline: None,
            peer: None,
            trace,
        };
        Cx { known: Box::new(known) }
    }

    pub(crate) fn set_deadline(&mut self, deadline: Option<Deadline>) {
        self.known.deadline = deadline;
    }

    pub(crate) fn set_peer(&mut self, peer: Option<SocketAddr>) {
        self.known.peer = peer;
    }

    /// Keeps the headers of the answer beyond this context, however it ends.
    pub(crate) fn keep_response_headers(&mut self) -> KeptHeaders {
        self.known.response_headers.keep()
    }

    pub(crate) fn into_response_headers(mut self) -> HeaderMap {
        std::mem::take(self.known.response_headers.map_mut())
    }

    /// The method that was called.
    #[must_use]
    pub fn method(&self) -> &'static RpcMethod {
        self.known.method
    }

    /// What the caller speaks.
    #[must_use]
    pub fn protocol(&self) -> Protocol {
        self.known.protocol
    }

    /// The request's headers.
    #[must_use]
    pub fn headers(&self) -> &HeaderMap {
        &self.known.headers
    }

    /// The request's headers, for a layer to change what comes after it.
    pub fn headers_mut(&mut self) -> &mut HeaderMap {
        &mut self.known.headers
    }

    /// What the layers in front have attached to the request.
    #[must_use]
    pub fn extensions(&self) -> &Extensions {
        &self.known.extensions
    }

    /// A place for what a layer has found out, such as who is calling: the handler looks it up by
    /// type in [`extensions`](Self::extensions).
    pub fn extensions_mut(&mut self) -> &mut Extensions {
        &mut self.known.extensions
    }

    /// When the caller gives up, and this handler with it. Client calls made here inherit it.
    #[must_use]
    pub fn deadline(&self) -> Option<Deadline> {
        self.known.deadline
    }

    /// Ends the call at `deadline` where it would end later. A layer does this before it goes on; in
    /// a handler it is too late.
    pub fn shorten_deadline(&mut self, deadline: Deadline) {
        self.known.deadline =
            Some(self.known.deadline.map_or(deadline, |own| own.earliest(deadline)));
    }

    /// The other side of the connection, a proxy where there is one in between; `None` in process.
    #[must_use]
    pub fn peer_addr(&self) -> Option<SocketAddr> {
        self.known.peer.or_else(|| self.known.extensions.get::<PeerAddr>().map(|peer| peer.0))
    }

    /// Where this call stands in its trace.
    #[must_use]
    pub fn trace(&self) -> TraceContext {
        self.known.trace.clone()
    }

    /// The headers of the answer that are set so far.
    #[must_use]
    pub fn response_headers(&self) -> &HeaderMap {
        self.known.response_headers.map()
    }

    /// The headers of the answer, whether it is a message or an error.
    ///
    /// The content type and the length are the protocol's: what is set for them here is dropped.
    pub fn response_headers_mut(&mut self) -> &mut HeaderMap {
        self.known.response_headers.map_mut()
    }

    /// Adds metadata that goes out after the answer: as a trailer in gRPC and as a header
    /// `trailer-{name}` in Connect, as its specification says. Twirp has no place for it.
    ///
    /// ```
    /// use http::{HeaderName, HeaderValue};
    ///
    /// fn note_cost(cx: &mut mcsv_rpc::Cx) {
    ///     let name = HeaderName::from_static("server-timing");
    ///     cx.add_response_trailer(&name, HeaderValue::from_static("db;dur=53"));
    /// }
    /// ```
    pub fn add_response_trailer(&mut self, name: &HeaderName, value: HeaderValue) {
        let name = trailers::header_name(name);
        self.response_headers_mut().append(name, value);
    }
}

/// Shows no header's value: one of them may be a token.
impl fmt::Debug for Cx {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cx")
            .field("method", &self.known.method.full_name())
            .field("protocol", &self.known.protocol)
            .field("headers", &self.known.headers.keys())
            .field("deadline", &self.known.deadline)
            .field("peer_addr", &self.peer_addr())
            .field("trace", &self.known.trace)
            .finish_non_exhaustive()
    }
}
