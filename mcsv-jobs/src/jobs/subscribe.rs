use std::collections::VecDeque;
use std::fmt;
use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use futures_core::Stream;
use mcsv_core::Backoff;
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until, timeout};

use crate::{Error, EventCursor, EventPage, Jobs, LoggedEvent};

/// The most events of one page.
const MOST: u32 = 1_000;
/// How many a stream reads at a time.
const STEP: u32 = 500;
/// How soon after the end of the log the database is asked again, while events come.
const GAP: Duration = Duration::from_millis(20);
/// And while none come: two questions a second.
const CALM: Duration = Duration::from_millis(500);
/// How long a database that does not answer is left alone, at first and at most.
const FIRST: Duration = Duration::from_millis(100);
const LONGEST: Duration = Duration::from_secs(5);

impl Jobs {
    /// Follows the log from `cursor` on: every event that was committed after it comes once, in the
    /// order of the log, for as long as the log has it ([`prune`](Self::prune)).
    ///
    /// Whoever stores the cursor of an event in the transaction in which he makes use of it, and starts
    /// from the stored one, makes use of each event exactly once. What comes is on disk: a power cut
    /// takes back neither it nor its place.
    ///
    /// ```
    /// # use mcsv_jobs::{BoxError, EventCursor, Job, Jobs, Json, Transition};
    /// # use serde::{Deserialize, Serialize};
    /// # #[derive(Serialize, Deserialize)] struct Ping;
    /// # impl Job for Ping { const KIND: &'static str = "ping"; const QUEUE: &'static str = "q"; type Codec = Json; }
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), BoxError> {
    /// # let folder = tempfile::tempdir()?;
    /// # let url = format!("sqlite://{}", folder.path().join("jobs.db").display());
    /// let jobs = Jobs::connect(&url).await?;
    /// let mut tx = jobs.begin().await?;
    /// sqlx::raw_sql("CREATE TABLE seen (cursor TEXT); INSERT INTO seen VALUES ('0.0.0')")
    ///     .execute(&mut *tx)
    ///     .await?;
    /// tx.commit().await?;
    /// let id = jobs.enqueue(Ping).await?.id();
    /// jobs.cancel(id).await?;
    ///
    /// let mut events = jobs.subscribe(EventCursor::BEGINNING);
    /// loop {
    ///     let logged = events.next().await?;
    ///     let mut tx = jobs.begin().await?;
    ///     // What is made of the event goes here, into the same transaction.
    ///     sqlx::query("UPDATE seen SET cursor = ?1")
    ///         .bind(logged.cursor.to_string())
    ///         .execute(&mut *tx)
    ///         .await?;
    ///     tx.commit().await?;
    ///     if logged.event.transition == Transition::Cancelled {
    ///         assert_eq!((logged.event.job, logged.kind.as_deref()), (id, Some("ping")));
    ///         break;
    ///     }
    /// }
    /// # Ok(()) }
    /// ```
    ///
    /// It never ends, asks the database twice a second while nothing happens, and waits out a database
    /// that does not answer. What this process enqueues or ends comes at once; of others, and of a
    /// caller's own transaction, within half a second after quiet and within 20 ms while events come.
    ///
    /// On PostgreSQL the log is in the order of the transactions' numbers, and comes up to the oldest
    /// transaction that has written and is open still, anywhere on the server: what is committed beside
    /// it waits for its end, and is not lost. The events of one job come in their order all the same,
    /// whichever of their transactions began first.
    #[must_use]
    pub fn subscribe(&self, cursor: EventCursor) -> EventStream {
        let news = self.inner.logged.subscribe();
        let jobs = self.clone();
        let reader = Reader { jobs, cursor, news, idle: GAP, failures: 0, rest: Rest::None };
        EventStream { cursor, page: VecDeque::new(), reading: Box::pin(reader.read()) }
    }

    /// Where the log ends now: from here on comes what is committed after this call.
    ///
    /// On PostgreSQL, what was committed before it may come too, where a transaction was open then that
    /// had written before: see [`subscribe`](Self::subscribe).
    ///
    /// # Errors
    ///
    /// The database does not answer.
    pub async fn event_cursor(&self) -> Result<EventCursor, Error> {
        self.inner.store.event_cursor().await
    }

    /// The next events after `cursor`, in the order of the log: at most `limit`, from 1 to 1,000; a
    /// number outside is moved to the nearest end.
    ///
    /// None are there where [`subscribe`](Self::subscribe) would wait.
    ///
    /// ```
    /// # use mcsv_jobs::{Error, EventCursor, Job, Jobs, Json};
    /// # use serde::{Deserialize, Serialize};
    /// # #[derive(Serialize, Deserialize)] struct Ping;
    /// # impl Job for Ping { const KIND: &'static str = "ping"; const QUEUE: &'static str = "q"; type Codec = Json; }
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Error> {
    /// let jobs = Jobs::connect("sqlite::memory:").await?;
    /// jobs.enqueue_all([Ping, Ping, Ping]).await?;
    /// let first = jobs.events_after(EventCursor::BEGINNING, 2).await?;
    /// let rest = jobs.events_after(first.next, 2).await?;
    /// assert_eq!((first.events.len(), rest.events.len()), (2, 1));
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    ///
    /// The database does not answer, or the cursor is of another log, or of a part of this one that is
    /// gone since an older copy of the database came back
    /// ([`ErrorKind::Invalid`](crate::ErrorKind::Invalid)).
    pub async fn events_after(&self, cursor: EventCursor, limit: u32) -> Result<EventPage, Error> {
        self.inner.store.events_after(cursor, limit.clamp(1, MOST)).await
    }
}

/// The events after a cursor, for ever; made by [`Jobs::subscribe`].
///
/// As a `Stream` it has up to 500 events ready at a time: `ready_chunks` of the crate futures makes
/// use of many in one transaction.
pub struct EventStream {
    cursor: EventCursor,
    page: VecDeque<LoggedEvent>,
    reading: Reading,
}

type Reading = Pin<Box<dyn Future<Output = (Reader, Result<Vec<LoggedEvent>, Error>)> + Send>>;

impl EventStream {
    /// Waits for the next event.
    ///
    /// # Errors
    ///
    /// The cursor is none of this log's, or the database refuses to be read: see
    /// [`Jobs::events_after`]. A database that does not answer is waited for. After an error the next
    /// call tries again, in up to 5 s.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: no event is lost with a call that is dropped.
    pub async fn next(&mut self) -> Result<LoggedEvent, Error> {
        poll_fn(|cx| self.poll(cx)).await
    }

    /// The place behind the last event that it gave, or where it started.
    #[must_use]
    pub fn cursor(&self) -> EventCursor {
        self.cursor
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Result<LoggedEvent, Error>> {
        loop {
            if let Some(logged) = self.page.pop_front() {
                self.cursor = logged.cursor;
                return Poll::Ready(Ok(logged));
            }
            let (reader, page) = ready!(self.reading.as_mut().poll(cx));
            self.reading = Box::pin(reader.read());
            self.page = page?.into();
        }
    }
}

impl Stream for EventStream {
    type Item = Result<LoggedEvent, Error>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.get_mut().poll(cx).map(Some)
    }
}

impl fmt::Debug for EventStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EventStream").field("cursor", &self.cursor).finish_non_exhaustive()
    }
}

/// Who asks the database.
struct Reader {
    jobs: Jobs,
    cursor: EventCursor,
    news: watch::Receiver<u64>,
    /// How long nobody's news are waited for.
    idle: Duration,
    failures: u32,
    rest: Rest,
}

/// What comes before the next question.
#[derive(Clone, Copy)]
enum Rest {
    None,
    /// News, but not before this.
    News(Instant),
    Until(Instant),
}

impl Reader {
    /// The next events: one at least.
    async fn read(mut self) -> (Self, Result<Vec<LoggedEvent>, Error>) {
        loop {
            self.rest().await;
            self.news.mark_unchanged();
            match self.jobs.events_after(self.cursor, STEP).await {
                Ok(page) => {
                    self.go_on(&page);
                    if !page.events.is_empty() {
                        return (self, Ok(page.events));
                    }
                }
                Err(error) => {
                    self.back_off();
                    if !error.is_retryable() {
                        return (self, Err(error));
                    }
                    let error = &error as &dyn std::error::Error;
                    tracing::warn!(error, "the log of events can't be read: will try again");
                }
            }
        }
    }

    async fn rest(&mut self) {
        match self.rest {
            Rest::None => {}
            Rest::Until(end) => sleep_until(end).await,
            Rest::News(earliest) => {
                // A time-out is the poll; the sender lives as long as the handle.
                let _ = timeout(self.idle, self.news.changed()).await;
                sleep_until(earliest).await;
            }
        }
    }

    fn go_on(&mut self, page: &EventPage) {
        self.cursor = page.next;
        self.failures = 0;
        self.idle = if page.events.is_empty() { CALM.min(self.idle * 2) } else { GAP };
        let is_full = page.events.len() >= STEP as usize;
        self.rest = if is_full { Rest::None } else { Rest::News(Instant::now() + GAP) };
    }

    fn back_off(&mut self) {
        self.failures = self.failures.saturating_add(1);
        let backoff = Backoff::exponential(FIRST, LONGEST);
        let wait = backoff.map_or(LONGEST, |backoff| backoff.delay(self.failures));
        self.rest = Rest::Until(Instant::now() + wait);
    }
}
