use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use http::HeaderMap;
use http::header::EXPECT;
use http_body::Body as _;
use tokio::runtime::Handle;

use crate::pace::Pace;
use crate::{Body, BoxError};

/// The bounds on the reading of one body.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bounds {
    /// The most bytes of a message.
    pub(crate) limit: usize,
    /// The bytes of the frame in front of it.
    pub(crate) room: usize,
    /// The longest silence between two pieces; none where the caller bounds the time.
    pub(crate) idle: Option<Duration>,
}

impl Bounds {
    /// The most bytes of a body.
    pub(crate) fn most(self) -> usize {
        self.limit.saturating_add(self.room)
    }
}

/// Why a body was not read.
#[derive(Debug)]
pub(crate) enum ReadError {
    TooLarge,
    Stalled,
    Broken(BoxError),
}

/// The most that is read of what nobody wants, for its sender's sake.
pub(crate) const MOST_DISCARDED: usize = 256 << 20;

/// Reads all of `body` within `bounds`; a body that comes in one piece is not copied.
///
/// What is left of a body that is too large stays in `body`.
pub(crate) async fn read(body: &mut Body, bounds: Bounds) -> Result<Bytes, ReadError> {
    read_with_trailers(body, bounds, &mut None).await
}

/// [`read`], which also keeps the trailers of a body that has some.
pub(crate) async fn read_with_trailers(
    body: &mut Body,
    bounds: Bounds,
    trailers: &mut Option<HeaderMap>,
) -> Result<Bytes, ReadError> {
    if let Some(bytes) = at_hand(body, bounds.most())? {
        return Ok(bytes);
    }
    let mut pace = Pace::new(bounds.idle);
    let Some(first) = pace.next_data(body).await? else {
        *trailers = pace.trailers;
        return Ok(Bytes::new());
    };
    let all = pace.collect(first, body, bounds).await?;
    *trailers = pace.trailers;
    Ok(all)
}

/// What there is of a body at the first look.
pub(crate) enum Begun {
    Whole(Bytes),
    Part(Bytes),
}

/// Looks at the start of a body: most of them come in one piece.
pub(crate) fn begin(
    body: &mut Body,
    bounds: Bounds,
    cx: &mut Context<'_>,
) -> Poll<Result<Begun, ReadError>> {
    let most = bounds.most();
    if let Some(bytes) = at_hand(body, most)? {
        return Poll::Ready(Ok(Begun::Whole(bytes)));
    }
    let first = match ready!(Pin::new(&mut *body).poll_frame(cx)) {
        Some(Ok(frame)) => frame.into_data().unwrap_or_default(),
        Some(Err(cause)) => return Poll::Ready(Err(ReadError::Broken(cause))),
        None => Bytes::new(),
    };
    Poll::Ready(match body.is_end_stream() {
        _ if first.len() > most => Err(ReadError::TooLarge),
        true => Ok(Begun::Whole(first)),
        false => Ok(Begun::Part(first)),
    })
}

/// The bytes that need not be waited for, of a body that does not say that it is too large.
fn at_hand(body: &mut Body, most: usize) -> Result<Option<Bytes>, ReadError> {
    match body.size_hint().lower() > most as u64 {
        true => Err(ReadError::TooLarge),
        false => Ok(body.take_at_hand()),
    }
}

/// Reads what comes after `first`.
pub(crate) async fn read_on(
    first: Bytes,
    body: &mut Body,
    bounds: Bounds,
) -> Result<Bytes, ReadError> {
    Pace::new(bounds.idle).collect(first, body, bounds).await
}

/// Reads on and drops what comes, for at most five seconds and 256 MiB.
async fn discard(mut body: Body) {
    const PATIENCE: Duration = Duration::from_secs(5);
    let mut pace = Pace::new(None);
    let mut discarded = 0;
    let discarding = async {
        while let Ok(Some(data)) = pace.next_data(&mut body).await {
            discarded += data.len();
            if discarded > MOST_DISCARDED {
                return;
            }
        }
    };
    // Whether it ended or is given up, nobody waits for it.
    let _ = tokio::time::timeout(PATIENCE, discarding).await;
}

/// Reads on the body of a request that is refused, beside its answer.
///
/// A connection that is closed with bytes unread is reset, and the reset can overtake the answer:
/// this gives a client that is still sending the chance to read why it was refused. One that
/// `expects` to be told to go on has sent nothing, and must not be told so.
pub(crate) fn drain(expects: bool, mut body: Body) {
    if expects || body.take_at_hand().is_some() || body.is_end_stream() {
        return;
    }
    // Without a runtime there is no connection either.
    if let Ok(runtime) = Handle::try_current() {
        runtime.spawn(discard(body));
    }
}

/// Whether a client waits before it sends its body.
pub(crate) fn expects(headers: &HeaderMap) -> bool {
    headers.contains_key(EXPECT)
}
