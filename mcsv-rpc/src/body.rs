use std::any::Any;
use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http::HeaderMap;
use http_body::{Frame, SizeHint};
use hyper::body::Incoming;

use crate::grpc;
use crate::server::InFlight;

/// Any error that a foreign body or service may end with.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// The body of every request and response here: nothing, bytes at hand, a connection's, or any
/// other in a box.
///
/// Bytes at hand are not boxed and not copied, so an in-process call hands its message over as it
/// is, and hyper writes head and body of a small answer in one call.
///
/// ```
/// use http_body::Body as _;
///
/// let body = mcsv_rpc::Body::from("hello");
/// assert_eq!(body.size_hint().exact(), Some(5));
/// ```
#[derive(Default)]
pub struct Body {
    kind: Kind,
    /// The call that this answers, on a connection that is watched.
    call: Option<InFlight>,
}

#[derive(Default)]
enum Kind {
    #[default]
    Empty,
    Full(Bytes),
    /// A framed message, then trailers that say that all went well, with those of the handler.
    Grpc(Bytes, Option<Box<HeaderMap>>),
    Incoming(Incoming),
    Boxed(Pin<Box<dyn http_body::Body<Data = Bytes, Error = BoxError> + Send>>),
}

impl Body {
    /// A body without bytes.
    #[must_use]
    pub fn empty() -> Self {
        Self::default()
    }

    /// Wraps any body; one of this type or of hyper's is taken as it is, without a box.
    pub fn new<B>(body: B) -> Self
    where
        B: http_body::Body<Data = Bytes> + Send + 'static,
        B::Error: Into<BoxError>,
    {
        let mut body = Some(body);
        let known: &mut dyn Any = &mut body;
        if let Some(own) = known.downcast_mut::<Option<Body>>() {
            return own.take().unwrap_or_default();
        }
        if let Some(incoming) = known.downcast_mut::<Option<Incoming>>() {
            return incoming.take().map_or_else(Body::empty, Body::from);
        }
        match body {
            Some(body) => Kind::Boxed(Box::pin(Mapped { body })).into(),
            None => Body::empty(),
        }
    }

    /// A message with gRPC's prefix, and the trailers of success after it.
    pub(crate) fn grpc(framed: Bytes) -> Self {
        Kind::Grpc(framed, None).into()
    }

    /// Sends `trailers` too after a gRPC message; gives them back where there is none.
    pub(crate) fn add_grpc_trailers(&mut self, trailers: HeaderMap) -> HeaderMap {
        match &mut self.kind {
            Kind::Grpc(_, place) => {
                *place = Some(Box::new(trailers));
                HeaderMap::new()
            }
            _ => trailers,
        }
    }

    /// Tells how the answer to `call` is taken from here on.
    pub(crate) fn watch(&mut self, mut call: InFlight) {
        call.offer();
        match &self.kind {
            Kind::Empty | Kind::Full(_) | Kind::Grpc(..) => self.call = Some(call),
            Kind::Incoming(_) | Kind::Boxed(_) => {
                let inner = std::mem::take(self);
                self.kind = Kind::Boxed(Box::pin(WatchedBody::new(inner, call)));
            }
        }
    }

    /// The bytes, where all of them are at hand.
    pub(crate) fn take_at_hand(&mut self) -> Option<Bytes> {
        match &mut self.kind {
            Kind::Empty => Some(Bytes::new()),
            Kind::Full(bytes) => Some(std::mem::take(bytes)),
            Kind::Grpc(..) | Kind::Incoming(_) | Kind::Boxed(_) => None,
        }
    }
}

/// At most `most` bytes from the front of `bytes`.
fn slice(bytes: &mut Bytes, most: usize) -> Bytes {
    match bytes.len() <= most {
        true => std::mem::take(bytes),
        false => bytes.split_to(most),
    }
}

/// A foreign body as the answer to a call that is watched.
struct WatchedBody {
    inner: Body,
    rest: Bytes,
    call: InFlight,
}

impl WatchedBody {
    fn new(inner: Body, call: InFlight) -> Self {
        WatchedBody { inner, rest: Bytes::new(), call }
    }
}

impl http_body::Body for WatchedBody {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let this = self.get_mut();
        let most = this.call.take();
        if !this.rest.is_empty() {
            return Poll::Ready(Some(Ok(Frame::data(slice(&mut this.rest, most)))));
        }
        let polled = Pin::new(&mut this.inner).poll_frame(cx);
        match polled {
            Poll::Pending => this.call.withdraw(),
            Poll::Ready(_) => this.call.offer(),
        }
        polled.map_ok(|frame| match frame.into_data() {
            Ok(data) => {
                this.rest = data;
                Frame::data(slice(&mut this.rest, most))
            }
            Err(other) => other,
        })
    }

    fn is_end_stream(&self) -> bool {
        self.rest.is_empty() && self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        let (inner, rest) = (self.inner.size_hint(), self.rest.len() as u64);
        if rest == 0 {
            return inner;
        }
        let mut hint = SizeHint::new();
        hint.set_lower(inner.lower().saturating_add(rest));
        if let Some(upper) = inner.upper().and_then(|upper| upper.checked_add(rest)) {
            hint.set_upper(upper);
        }
        hint
    }
}

impl From<Kind> for Body {
    fn from(kind: Kind) -> Self {
        Body { kind, call: None }
    }
}

impl From<Bytes> for Body {
    fn from(bytes: Bytes) -> Self {
        if bytes.is_empty() { Body::empty() } else { Kind::Full(bytes).into() }
    }
}

impl From<Vec<u8>> for Body {
    fn from(bytes: Vec<u8>) -> Self {
        Bytes::from(bytes).into()
    }
}

impl From<String> for Body {
    fn from(text: String) -> Self {
        Bytes::from(text).into()
    }
}

impl From<&'static str> for Body {
    fn from(text: &'static str) -> Self {
        Bytes::from_static(text.as_bytes()).into()
    }
}

impl From<Incoming> for Body {
    fn from(incoming: Incoming) -> Self {
        Kind::Incoming(incoming).into()
    }
}

impl http_body::Body for Body {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let most = match &mut self.call {
            Some(call) => call.take(),
            None => usize::MAX,
        };
        match &mut self.kind {
            Kind::Empty => Poll::Ready(None),
            Kind::Full(bytes) => {
                let data = slice(bytes, most);
                if bytes.is_empty() {
                    self.kind = Kind::Empty;
                }
                Poll::Ready(Some(Ok(Frame::data(data))))
            }
            Kind::Grpc(bytes, _) if !bytes.is_empty() => {
                Poll::Ready(Some(Ok(Frame::data(slice(bytes, most)))))
            }
            Kind::Grpc(_, trailers) => {
                let mut trailers =
                    trailers.take().map_or_else(|| HeaderMap::with_capacity(1), |boxed| *boxed);
                self.kind = Kind::Empty;
                grpc::write_ok(&mut trailers);
                Poll::Ready(Some(Ok(Frame::trailers(trailers))))
            }
            Kind::Incoming(incoming) => {
                Pin::new(incoming).poll_frame(cx).map_err(|error| error.into())
            }
            Kind::Boxed(body) => body.as_mut().poll_frame(cx),
        }
    }

    fn is_end_stream(&self) -> bool {
        match &self.kind {
            Kind::Empty => true,
            Kind::Full(_) | Kind::Grpc(..) => false,
            Kind::Incoming(incoming) => incoming.is_end_stream(),
            Kind::Boxed(body) => body.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.kind {
            Kind::Empty => SizeHint::with_exact(0),
            Kind::Full(bytes) => SizeHint::with_exact(bytes.len() as u64),
            // Not exact: a declared length promises that nothing follows, and trailers do.
            Kind::Grpc(bytes, _) => {
                let mut hint = SizeHint::new();
                hint.set_lower(bytes.len() as u64);
                hint
            }
            Kind::Incoming(incoming) => incoming.size_hint(),
            Kind::Boxed(body) => body.size_hint(),
        }
    }
}

impl fmt::Debug for Body {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = match &self.kind {
            Kind::Empty => "empty",
            Kind::Full(_) => "full",
            Kind::Grpc(..) => "grpc",
            Kind::Incoming(_) => "incoming",
            Kind::Boxed(_) => "boxed",
        };
        f.debug_tuple("Body").field(&kind).finish()
    }
}

pin_project_lite::pin_project! {
    struct Mapped<B> {
        #[pin]
        body: B,
    }
}

impl<B> http_body::Body for Mapped<B>
where
    B: http_body::Body<Data = Bytes>,
    B::Error: Into<BoxError>,
{
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let frame = ready!(self.project().body.poll_frame(cx));
        Poll::Ready(frame.map(|result| result.map_err(Into::into)))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
