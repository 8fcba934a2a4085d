use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, ReadBuf};
use tokio::time::{Sleep, sleep};

use crate::read::MOST_DISCARDED;

/// Waits until a client has read its last answer, which it shows by ending the connection too.
///
/// A socket that is closed with bytes unread resets the connection, and the reset can overtake the
/// answer: a client that is still sending when it is refused would never learn why. So what it sends
/// is read and dropped, for a while.
pub(crate) struct Linger {
    patience: Pin<Box<Sleep>>,
    left: usize,
}

impl Linger {
    const PATIENCE: Duration = Duration::from_secs(2);

    pub(crate) fn new() -> Self {
        Linger { patience: Box::pin(sleep(Self::PATIENCE)), left: MOST_DISCARDED }
    }

    /// Ready when the client has ended the connection or had its time.
    pub(crate) fn poll_end<S>(&mut self, stream: &mut S, cx: &mut Context<'_>) -> Poll<()>
    where
        S: AsyncRead + Unpin,
    {
        // The timer first: a client that never pauses would keep it from being looked at.
        if self.patience.as_mut().poll(cx).is_ready() {
            return Poll::Ready(());
        }
        let mut memory = [0; 4096];
        // A few at a time, so that other connections get their turn.
        for _ in 0..16 {
            let mut buffer = ReadBuf::new(&mut memory);
            match Pin::new(&mut *stream).poll_read(cx, &mut buffer) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(Ok(())) if !buffer.filled().is_empty() => {}
                Poll::Ready(_) => return Poll::Ready(()),
            }
            match self.left.checked_sub(buffer.filled().len()) {
                Some(left) => self.left = left,
                None => return Poll::Ready(()),
            }
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;

    use tokio::io::AsyncWriteExt;
    use tokio::time::Instant;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_client_has_its_time_and_no_more() {
        let (mut client, mut server) = tokio::io::duplex(64 * 1024);
        client.write_all(&[0; 9000]).await.unwrap();
        let (begun, mut linger) = (Instant::now(), Linger::new());
        poll_fn(|cx| linger.poll_end(&mut server, cx)).await;
        assert!(begun.elapsed() >= Linger::PATIENCE);
    }

    #[tokio::test(start_paused = true)]
    async fn a_client_that_ends_is_not_waited_for() {
        let (mut client, mut server) = tokio::io::duplex(64 * 1024);
        client.write_all(&[0; 9000]).await.unwrap();
        drop(client);
        let (begun, mut linger) = (Instant::now(), Linger::new());
        poll_fn(|cx| linger.poll_end(&mut server, cx)).await;
        assert_eq!(begun.elapsed(), Duration::ZERO);
    }
}
