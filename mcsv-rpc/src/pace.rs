use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http_body::{Body as _, Frame};
use tokio::time::{Instant, Sleep};

use crate::Body;
use crate::read::ReadError;

/// Bytes a second that a sender has to reach over the whole body, beyond one silence: else a byte
/// now and then would hold the connection for years.
const SLOWEST: u64 = 1024;

/// Waits for one piece of a body after another, with a timer only once a piece is late.
pub(crate) struct Pace {
    idle: Option<Duration>,
    timer: Option<Pin<Box<Sleep>>>,
    started: Option<Instant>,
    received: u64,
}

impl Pace {
    /// Bears at most `idle` of silence; none for as long as it takes.
    pub(crate) fn new(idle: Option<Duration>) -> Self {
        Pace { idle, timer: None, started: None, received: 0 }
    }

    /// The next bytes, or `None` at the end of the body.
    pub(crate) async fn next_data(&mut self, body: &mut Body) -> Result<Option<Bytes>, ReadError> {
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
        let whole = idle + Duration::from_secs(self.received / SLOWEST);
        let next = (Instant::now() + idle).min(started + whole);
        timer.as_mut().reset(next);
    }
}
