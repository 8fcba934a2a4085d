use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::HeaderMap;
use http_body::{Body as _, Frame};
use tokio::time::Instant;

use crate::Body;
use crate::late_timer::LateTimer;
use crate::read::ReadError;

/// Bytes a second that a sender has to reach over the whole body, beyond one silence: else a byte
/// now and then would hold the connection for years.
const SLOWEST: u64 = 1024;

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
