use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Weak};
use std::thread;
use std::time::{Duration, SystemTime};

use tokio::sync::Notify;
use tokio::time::Instant;

use super::log_news::LogNews;

/// How often the log's time is asked while somebody writes; and so many times more often right after
/// nobody did for a moment, because a commit follows on its bytes.
const LOOK: Duration = Duration::from_millis(4);
const KEEN: (u32, Duration) = (10, Duration::from_millis(1));
const MOMENT: Duration = Duration::from_millis(20);
/// How often while nobody writes and the system did not tell of the last that was written: the first work of
/// another process after a while starts within 10 ms. And how often where it did, in case that it does not.
const CALM: Duration = Duration::from_millis(8);
const DOUBT: Duration = Duration::from_millis(250);
/// So often it may fail to tell before it is not trusted any more. A busy disk can hold up a write in the
/// middle, so that what it tells comes late.
const MISSES: u32 = 8;
/// So many looks in vain make it calm.
const VAIN: u32 = 250;

/// When the log was written to, and its length.
pub(super) type Stamp = Option<(SystemTime, u64)>;

/// A thread that looks at the time of the write-ahead log and wakes the watcher when it changed.
///
/// Linux tells it of the first write after a while. Each look costs next to nothing, but for a runtime to
/// wake up for it hundreds of times a second takes a few times as long as for a thread that only sleeps.
pub(super) struct LogWatch(Arc<Shared>);

#[derive(Default)]
struct Shared {
    written: Notify,
    every_look: AtomicBool,
}

impl LogWatch {
    /// Looks until it is dropped.
    pub(super) fn spawn(database: &Path) -> std::io::Result<Self> {
        let shared = Arc::new(Shared::default());
        let (watched, log) = (Arc::downgrade(&shared), log_of(database));
        thread::Builder::new()
            .name("mcsv-jobs-watch".to_owned())
            .spawn(move || watch(&log, &watched))?;
        Ok(LogWatch(shared))
    }

    /// Waits for a write to the log. Cancel safe.
    pub(super) async fn written(&self) {
        self.0.written.notified().await;
    }

    /// Whether to wake the watcher at every look, for a commit shows later than its bytes.
    pub(super) fn wake_at_every_look(&self, every: bool) {
        self.0.every_look.store(every, Ordering::Release);
    }
}

fn watch(log: &Path, watched: &Weak<Shared>) {
    let mut news = LogNews::of(log);
    let (mut seen, mut written_at, mut vain) = (stamp(log), Instant::now(), 0_u32);
    let (mut keen, mut is_trusted, mut misses) = (0, true, 0_u32);
    // Since when it has not told of a write that is seen.
    let mut owes: Option<Instant> = None;
    loop {
        let is_quiet = written_at.elapsed() >= MOMENT;
        let pause = match (vain >= VAIN, keen > 0) {
            (true, _) if is_trusted && news.is_some() => DOUBT,
            (true, _) => CALM,
            (_, true) => KEEN.1,
            _ => LOOK,
        };
        let mut has_asked = false;
        match news.as_ref().filter(|_| is_quiet) {
            Some(news) => {
                news.ask(log);
                // It may have been written to before that, of which it does not tell.
                has_asked = stamp(log) == seen;
                if has_asked && news.wait(pause) {
                    (is_trusted, owes) = (true, None);
                    has_asked = false;
                }
            }
            None => thread::park_timeout(pause),
        }
        let Some(shared) = watched.upgrade() else { return };
        let now = stamp(log);
        let is_new = std::mem::replace(&mut seen, now) != now;
        if is_new {
            keen = if is_quiet { KEEN.0 } else { keen };
            written_at = Instant::now();
        }
        keen = keen.saturating_sub(1);
        vain = vain.saturating_add(1);
        if is_new || shared.every_look.load(Ordering::Acquire) {
            vain = 0;
            shared.written.notify_one();
        }
        let Some(told) = &news else { continue };
        owes = owes.or_else(|| (is_new && has_asked).then(Instant::now));
        match owes {
            Some(_) if told.wait(Duration::ZERO) => (is_trusted, owes) = (true, None),
            Some(since) if since.elapsed() >= MOMENT => {
                tracing::debug!(?log, "the system did not tell of a write: looking every few ms");
                (is_trusted, owes, misses) = (false, None, misses + 1);
            }
            _ => {}
        }
        if misses >= MISSES {
            news = None;
        } else if is_new && owes.is_none() {
            told.leave(log);
        }
    }
}

pub(super) fn log_of(database: &Path) -> PathBuf {
    let mut log = database.as_os_str().to_owned();
    log.push("-wal");
    PathBuf::from(log)
}

pub(super) fn stamp(log: &Path) -> Stamp {
    let log = std::fs::metadata(log).ok()?;
    Some((log.modified().ok()?, log.len()))
}
