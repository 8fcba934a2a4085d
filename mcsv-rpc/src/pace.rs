use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::HeaderMap;
use http_body::{Body as _, Frame};
use tokio::time::Instant;

use crate::late_timer::LateTimer;
use crate::read::{Bounds, ReadError};
use crate::{Body, grpc};

/// Bytes a second that a sender has to reach over the whole body, beyond one silence: else a byte
/// now and then would hold the connection for years.
const SLOWEST: u64 = 1024;

/// The most that is reserved on a sender's word.
const RESERVED: usize = 256 * 1024;

/// Waits for one piece of a body after another.
pub(crate) struct Pace {
    idle: Option<Duration>,
    timer: LateTimer,
    /// When the first piece turned out to be late.
    started: Option<Instant>,
    received: u64,
    /// What came after the last piece.
    pub(crate) trailers: Option<HeaderMap>,
}

impl Pace {
    /// Bears at most `idle` of silence; none for as long as it takes.
    pub(crate) fn new(idle: Option<Duration>) -> Self {
        Pace { idle, timer: LateTimer::default(), started: None, received: 0, trailers: None }
    }

    /// The next bytes, or `None` at the end of the body.
    pub(crate) async fn next_data(&mut self, body: &mut Body) -> Result<Option<Bytes>, ReadError> {
        loop {
            let Some(frame) = poll_fn(|cx| self.poll_next(cx, body)).await? else {
                return Ok(None);
            };
            match frame.into_data() {
                Ok(data) => {
                    self.received += data.len() as u64;
                    self.restart();
                    return Ok(Some(data));
                }
                Err(other) => self.trailers = other.into_trailers().ok().or(self.trailers.take()),
            }
        }
    }

    /// All of a body that starts with `first`; one in one piece is not copied.
    pub(crate) async fn collect(
        &mut self,
        first: Bytes,
        body: &mut Body,
        bounds: Bounds,
    ) -> Result<Bytes, ReadError> {
        let most = bounds.most();
        // What is announced need not be waited for.
        let announced = |bytes: &[u8]| if bounds.room > 0 { grpc::announced(bytes) } else { 0 };
        if first.len().max(announced(&first)) > most {
            return Err(ReadError::TooLarge);
        }
        if body.is_end_stream() {
            return Ok(first);
        }
        let declared = usize::try_from(body.size_hint().lower()).unwrap_or(usize::MAX);
        let Some(second) = self.next_data(body).await? else { return Ok(first) };
        let whole = first.len().saturating_add(declared.min(RESERVED));
        let whole = whole.max(announced(&first).min(RESERVED));
        let mut all = BytesMut::with_capacity(whole);
        all.extend_from_slice(&first);
        let mut next = Some(second);
        while let Some(data) = next {
            if data.len() > most - all.len() {
                return Err(ReadError::TooLarge);
            }
            all.extend_from_slice(&data);
            if announced(&all) > most {
                return Err(ReadError::TooLarge);
            }
            next = self.next_data(body).await?;
        }
        Ok(all.freeze())
    }

    fn poll_next(
        &mut self,
        cx: &mut Context<'_>,
        body: &mut Body,
    ) -> Poll<Result<Option<Frame<Bytes>>, ReadError>> {
        if let Poll::Ready(frame) = Pin::new(body).poll_frame(cx) {
            return Poll::Ready(frame.transpose().map_err(ReadError::Broken));
        }
        let Some(idle) = self.idle else { return Poll::Pending };
        let started = &mut self.started;
        let end = || *started.get_or_insert_with(Instant::now) + idle;
        self.timer.poll(cx, end).map(|()| Err(ReadError::Stalled))
    }

    fn restart(&mut self) {
        let (Some(idle), Some(started)) = (self.idle, self.started) else {
            return self.timer.reset(Instant::now);
        };
        let whole = idle + Duration::from_secs(self.received / SLOWEST);
        self.timer.reset(|| (Instant::now() + idle).min(started + whole));
    }
}
