use std::fmt;
use std::net::SocketAddr;

use http::request::Parts;
use http::{Extensions, HeaderMap, HeaderName, HeaderValue, Request};
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
    /// As they came: they are moved once, into this box.
    parts: Parts,
    response_headers: AnswerHeaders,
    deadline: Option<Deadline>,
    peer: Option<SocketAddr>,
    /// None until the method is known.
    trace: Option<TraceContext>,
}

impl Cx {
    /// A call of `method` from nowhere: no headers, no deadline, a trace of its own.
    #[must_use]
    pub fn new(method: &'static RpcMethod) -> Self {
        let trace = TraceContext::current().unwrap_or_else(TraceContext::random_root);
        let (parts, ()) = Request::new(()).into_parts();
        let mut cx = Cx::arrived(parts, None);
        cx.sent_to(method, Protocol::default(), trace, None);
        cx
    }

    /// The same context with a header of the request.
    #[must_use]
    pub fn with_header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.known.parts.headers.insert(name, value);
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

    /// A request that has come in and has not been sent to its method yet.
    ///
    /// What came is moved here once, and from then on it is one pointer to move.
    pub(crate) fn arrived(parts: Parts, peer: Option<SocketAddr>) -> Self {
        const UNKNOWN: RpcMethod = RpcMethod::new("/");
        Cx {
            known: Box::new(Known {
                method: &UNKNOWN,
                protocol: Protocol::default(),
                parts,
                response_headers: AnswerHeaders::default(),
                deadline: None,
                peer,
                trace: None,
            }),
        }
    }

    /// Says which method it is for.
    pub(crate) fn sent_to(
        &mut self,
        method: &'static RpcMethod,
        protocol: Protocol,
        trace: TraceContext,
        deadline: Option<Deadline>,
    ) {
        self.known.method = method;
        self.known.protocol = protocol;
        self.known.trace = Some(trace);
        self.known.deadline = deadline;
    }

    pub(crate) fn parts(&self) -> &Parts {
        &self.known.parts
    }

    pub(crate) fn into_parts(self) -> Parts {
        self.known.parts
    }

    /// Keeps the headers of the answer beyond this context, however it ends.
    pub(crate) fn keep_response_headers(&mut self) -> KeptHeaders {
        self.known.response_headers.keep()
    }

    pub(crate) fn take_response_headers(&mut self) -> Option<HeaderMap> {
        self.known.response_headers.take()
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
        &self.known.parts.headers
    }

    /// The request's headers, for a layer to change what comes after it.
    pub fn headers_mut(&mut self) -> &mut HeaderMap {
        &mut self.known.parts.headers
    }

    /// What the layers in front have attached to the request.
    #[must_use]
    pub fn extensions(&self) -> &Extensions {
        &self.known.parts.extensions
    }

    /// A place for what a layer has found out, such as who is calling: the handler looks it up by
    /// type in [`extensions`](Self::extensions).
    pub fn extensions_mut(&mut self) -> &mut Extensions {
        &mut self.known.parts.extensions
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
        self.known.peer.or_else(|| self.known.parts.extensions.get::<PeerAddr>().map(|peer| peer.0))
    }

    /// Where this call stands in its trace.
    #[must_use]
    pub fn trace(&self) -> TraceContext {
        self.known.trace.clone().unwrap_or_else(TraceContext::random_root)
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
            .field("headers", &self.known.parts.headers.keys())
            .field("deadline", &self.known.deadline)
            .field("peer_addr", &self.peer_addr())
            .field("trace", &self.known.trace)
            .finish_non_exhaustive()
    }
}
