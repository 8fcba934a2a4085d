use std::future::Future;
use std::io::{self, IoSlice};
use std::pin::{Pin, pin};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::{Buf, Bytes, BytesMut};
use http::{HeaderMap, Response, StatusCode};
use http_body::Body as _;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite};
use tokio::time::Instant;

use super::{Framing, NotPlain, Plain};
use crate::Body;
use crate::late_timer::LateTimer;
use crate::server::activity::InFlight;
use crate::server::connection::Serving;
use crate::server::watched::{WatchedFuture, WatchedStream};

/// Bytes are read and written this many at a time, or more where there are more.
const BUFFER: usize = 8 * 1024;

/// What is read ahead of requests to come while one is answered.
const AHEAD: usize = 2 * BUFFER;

/// A body gets this time to arrive, and a call's clock starts after it. One that takes longer is
/// hyper's, by whom the call begins before its body is there.
const PATIENCE: Duration = Duration::from_millis(10);

/// A connection that should end waits this long for a request that is already on its way, so that its
/// client is told instead of cut off.
const GRACE: Duration = Duration::from_millis(250);

/// Serves a connection until it ends, or until there is something for hyper: that, unanswered, is the
/// output.
pub(in crate::server) struct Http1<'a, S> {
    serving: &'a Serving,
    stream: &'a mut WatchedStream<S>,
    input: BytesMut,
    /// The bytes of the last request, since the next one is likely its like.
    likely: usize,
    /// How many bytes of input there have to be before it is worth a look.
    wanted: usize,
    /// The rest of a body that is waited for.
    late: Option<LateBody>,
    output: Output,
    /// The memory of the last answer's headers, for the next request's.
    spare: HeaderMap,
    step: Step,
    /// Set when no request is to be taken that is not on its way.
    leaving: Option<LateTimer>,
}

enum Step {
    /// Waits for a request.
    Read,
    /// Waits for an answer. Whether the connection may be kept after it.
    Call { future: WatchedFuture, keep: bool },
    /// Sends an answer; where it has a framing, the body has more of it.
    Send { body: Body, framing: Option<Framing>, keep: bool },
    /// Sees to it that the client learns of the end.
    End,
    /// Has nothing to do, and this to give back.
    Over(Option<Bytes>),
}

/// A request whose head is there: it is under way, and its end is waited for.
struct LateBody {
    timer: LateTimer,
    _call: InFlight,
}

impl<'a, S: AsyncRead + AsyncWrite + Unpin> Http1<'a, S> {
    pub(in crate::server) fn new(stream: &'a mut WatchedStream<S>, serving: &'a Serving) -> Self {
        Http1 {
            serving,
            stream,
            input: BytesMut::new(),
            likely: 0,
            wanted: 1,
            late: None,
            output: Output::default(),
            spare: HeaderMap::new(),
            step: Step::Read,
            leaving: None,
        }
    }

    /// Ends with the next answer, or soon where none is asked for.
    pub(in crate::server) fn leave(self: Pin<&mut Self>) {
        self.get_mut().leaving = Some(LateTimer::default());
    }

    fn poll_request(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.input.len() >= self.wanted {
            let bytes = self.input.split().freeze();
            match Plain::first_of(&bytes, &mut self.spare) {
                Ok(request) => self.call(request, bytes.len()),
                Err(NotPlain::Begun) => self.want(bytes.len() + 1, bytes),
                Err(NotPlain::Headed { whole }) => {
                    self.want(whole, bytes);
                    let call = self.serving.activity.begin();
                    self.late = Some(LateBody { timer: LateTimer::default(), _call: call });
                }
                Err(NotPlain::Ever) => self.step = Step::Over(Some(bytes)),
            }
            return Poll::Ready(Ok(()));
        }
        let nothing = self.input.is_empty();
        match self.poll_more(cx)? {
            Poll::Ready(0) if nothing => self.step = Step::End,
            Poll::Ready(0) => self.give_back(),
            Poll::Ready(_) => {}
            Poll::Pending if nothing => {
                let Some(grace) = &mut self.leaving else { return Poll::Pending };
                ready!(grace.poll(cx, || Instant::now() + GRACE));
                self.step = Step::End;
            }
            Poll::Pending => {
                if let Some(late) = &mut self.late {
                    ready!(late.timer.poll(cx, || Instant::now() + PATIENCE));
                }
                self.give_back();
            }
        }
        Poll::Ready(Ok(()))
    }

    fn give_back(&mut self) {
        self.step = Step::Over(Some(self.input.split().freeze()));
    }

    /// Looks again when there are `wanted` bytes, of which `bytes` are there.
    fn want(&mut self, wanted: usize, bytes: Bytes) {
        self.wanted = wanted;
        // The only other handle on their memory, which has room behind them.
        self.input = BytesMut::new();
        let alone = bytes.try_into_mut();
        self.input = alone.unwrap_or_else(|shared| BytesMut::from(&shared[..]));
    }

    fn call(&mut self, Plain { parts, body, keep, rest }: Plain, whole: usize) {
        self.likely = whole - rest.len();
        self.input.extend_from_slice(&rest);
        (self.wanted, self.late) = (1, None);
        let future = self.serving.begin(parts, body.into());
        self.step = Step::Call { future, keep };
    }

    /// Reads what is there. The number of bytes is zero at the end of the stream.
    fn poll_more(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        let held = self.input.len();
        let lacking = if held == 0 { self.likely } else { self.wanted.saturating_sub(held) };
        if self.input.capacity() - held < lacking.max(BUFFER / 8) {
            self.input.reserve(lacking + BUFFER);
        }
        pin!(self.stream.read_buf(&mut self.input)).poll(cx)
    }

    fn answer(&mut self, response: Response<Body>, mut keep: bool) {
        let (mut parts, mut body) = response.into_parts();
        if parts.status.is_informational() {
            tracing::warn!(status = parts.status.as_u16(), "a service has no final answer");
            (parts.status, body) = (StatusCode::INTERNAL_SERVER_ERROR, Body::empty());
        }
        let length = body.size_hint().exact();
        let head = &mut self.output.head;
        let mut framing = Some(Framing::write_head(head, &parts, length, &mut keep));
        self.spare = parts.headers;
        self.spare.clear();
        if framing == Some(Framing::Length(0)) {
            framing = None;
        } else if let Some(bytes) = body.take_at_hand() {
            self.output.add(bytes);
            framing = None;
        }
        self.step = Step::Send { body, framing, keep };
    }

    /// Ready when the client has ended its side; further requests are read meanwhile, as far as they
    /// fit.
    fn poll_gone(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while self.input.len() < AHEAD {
            if ready!(self.poll_more(cx))? == 0 {
                // Nobody is there to be told.
                self.step = Step::Over(None);
                return Poll::Ready(Ok(()));
            }
        }
        Poll::Pending
    }

    /// Sends what is there, then asks the body for more.
    fn poll_send(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.output.poll_write(self.stream, cx))?;
        let Step::Send { body, framing, keep } = &mut self.step else {
            return Poll::Ready(Ok(()));
        };
        let Some(shape) = framing else {
            ready!(Pin::new(&mut self.stream).poll_flush(cx))?;
            self.step = if *keep { Step::Read } else { Step::End };
            return Poll::Ready(Ok(()));
        };
        let right = match Pin::new(body).poll_frame(cx).map_err(io::Error::other)? {
            Poll::Ready(Some(frame)) => {
                // Trailers have no place where nobody has asked for them.
                let data = frame.into_data().unwrap_or_default();
                let right = shape.begin_data(&mut self.output.head, data.len());
                self.output.add(data);
                right
            }
            Poll::Ready(None) => {
                let right = shape.end(&mut self.output.head);
                *framing = None;
                right
            }
            Poll::Pending => {
                ready!(Pin::new(&mut self.stream).poll_flush(cx))?;
                return self.poll_gone(cx);
            }
        };
        let wrong = || io::Error::other("an answer has not the length that it declares");
        Poll::Ready(right.then_some(()).ok_or_else(wrong))
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> Future for Http1<'_, S> {
    type Output = io::Result<Option<Bytes>>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.get_mut();
        loop {
            match &mut this.step {
                Step::Read => ready!(this.poll_request(cx))?,
                Step::Call { future, keep } => match Pin::new(future).poll(cx) {
                    Poll::Ready(Ok(response)) => {
                        let keep = *keep && this.leaving.is_none();
                        this.answer(response, keep);
                    }
                    Poll::Pending => ready!(this.poll_gone(cx))?,
                },
                Step::Send { .. } => ready!(this.poll_send(cx))?,
                Step::End => {
                    ready!(Pin::new(&mut this.stream).poll_shutdown(cx))?;
                    this.step = Step::Over(None);
                }
                Step::Over(unread) => return Poll::Ready(Ok(unread.take())),
            }
        }
    }
}

/// What is to be written.
#[derive(Default)]
struct Output {
    /// A head, and pieces that are worth copying.
    head: Vec<u8>,
    written: usize,
    /// What comes behind, and is not.
    data: Bytes,
}

impl Output {
    /// Adds a piece of a body; what is there has been written, but for a head.
    fn add(&mut self, data: Bytes) {
        match data.len() <= BUFFER {
            true => self.head.extend_from_slice(&data),
            false => self.data = data,
        }
    }

    fn poll_write<S: AsyncWrite + Unpin>(
        &mut self,
        stream: &mut S,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<()>> {
        loop {
            let head = &self.head[self.written..];
            let pieces = [IoSlice::new(head), IoSlice::new(&self.data)];
            let count = match (head.is_empty(), self.data.is_empty()) {
                (true, true) => break,
                (false, true) => ready!(Pin::new(&mut *stream).poll_write(cx, head))?,
                (true, false) => ready!(Pin::new(&mut *stream).poll_write(cx, &self.data))?,
                (false, false) => ready!(Pin::new(&mut *stream).poll_write_vectored(cx, &pieces))?,
            };
            if count == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            let of_head = count.min(head.len());
            self.written += of_head;
            self.data.advance(count - of_head);
        }
        self.head.clear();
        self.written = 0;
        // It is empty, and keeps its memory: the next answer, on any connection, had better get that.
        self.data = Bytes::new();
        Poll::Ready(Ok(()))
    }
}
