use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http_body::{Body as _, Frame};
use tokio::time::{Instant, Sleep};

use crate::{Body, BoxError};

/// The bounds on the reading of one body.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bounds {
    /// The most bytes.
    pub(crate) limit: usize,
    /// The longest silence between two pieces; [`Bounds::SLOWEST`] bounds the whole.
    pub(crate) idle: Option<Duration>,
}

impl Bounds {
    /// Bytes a second that a sender has to reach over the whole body, beyond one silence: else a
    /// byte now and then would hold the connection for years.
    const SLOWEST: u64 = 1024;
    /// The most that is reserved on a sender's word.
    const RESERVED: usize = 256 * 1024;
}

/// Why a body was not read.
#[derive(Debug)]
pub(crate) enum ReadError {
    TooLarge { limit: usize },
    Stalled,
    Broken(BoxError),
}

/// Reads all of `body` within `bounds`; a body that comes in one piece is not copied.
pub(crate) async fn read(mut body: Body, bounds: Bounds) -> Result<Bytes, ReadError> {
    let too_large = ReadError::TooLarge { limit: bounds.limit };
    let declared = body.size_hint().lower();
    if declared > bounds.limit as u64 {
        return Err(too_large);
    }
    if let Some(bytes) = body.take_at_hand() {
        return Ok(bytes);
    }
    let mut pace = Pace::new(bounds.idle);
    let Some(first) = pace.next_data(&mut body).await? else { return Ok(Bytes::new()) };
    if first.len() > bounds.limit {
        return Err(too_large);
    }
    if body.is_end_stream() {
        return Ok(first);
    }
    let mut all = BytesMut::with_capacity(
        (declared as usize).clamp(first.len(), Bounds::RESERVED.max(first.len())),
    );
    all.extend_from_slice(&first);
    while let Some(data) = pace.next_data(&mut body).await? {
        if data.len() > bounds.limit - all.len() {
            return Err(too_large);
        }
        all.extend_from_slice(&data);
    }
    Ok(all.freeze())
}

/// Waits for one piece after another, with a timer only once a piece is late.
struct Pace {
    idle: Option<Duration>,
    timer: Option<Pin<Box<Sleep>>>,
    started: Option<Instant>,
    received: u64,
}

impl Pace {
    fn new(idle: Option<Duration>) -> Self {
        Pace { idle, timer: None, started: None, received: 0 }
    }

    async fn next_data(&mut self, body: &mut Body) -> Result<Option<Bytes>, ReadError> {
        let mut late = false;
        loop {
            let next = poll_fn(|cx| self.poll_next(cx, body, &mut late)).await;
            let Some(frame) = next? else { return Ok(None) };
            // Trailers are passed over: no unary request has any meaning for them.
            if let Ok(data) = frame.into_data() {
                self.received += data.len() as u64;
                self.restart();
                return Ok(Some(data));
            }
        }
    }

    fn poll_next(
        &mut self,
        cx: &mut Context<'_>,
        body: &mut Body,
        late: &mut bool,
    ) -> Poll<Result<Option<Frame<Bytes>>, ReadError>> {
        if let Poll::Ready(frame) = Pin::new(body).poll_frame(cx) {
            return Poll::Ready(frame.transpose().map_err(ReadError::Broken));
        }
        let Some(idle) = self.idle else { return Poll::Pending };
        if self.timer.is_none() && !*late {
            // The connection usually has the bytes and delivers them right after this poll. One
            // more look is cheaper than a timer per call.
            *late = true;
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        self.started.get_or_insert_with(Instant::now);
        let timer = self.timer.get_or_insert_with(|| Box::pin(tokio::time::sleep(idle)));
        timer.as_mut().poll(cx).map(|()| Err(ReadError::Stalled))
    }

    fn restart(&mut self) {
        let (Some(idle), Some(started), Some(timer)) = (self.idle, self.started, &mut self.timer)
        else {
            return;
        };
        let whole = idle + Duration::from_secs(self.received / Bounds::SLOWEST);
        let next = (Instant::now() + idle).min(started + whole);
        timer.as_mut().reset(next);
    }
}
