use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Weak};
use std::thread;
use std::time::{Duration, SystemTime};

use tokio::sync::Notify;

/// How often the log's time is asked while somebody writes, and while nobody does: the first work of
/// another process after a while starts within 10 ms.
const LOOK: Duration = Duration::from_millis(4);
const CALM: Duration = Duration::from_millis(8);
/// So many looks in vain make it calm.
const VAIN: u32 = 250;

/// When the log was written to, and its length.
pub(super) type Stamp = Option<(SystemTime, u64)>;

/// A thread that looks at the time of the write-ahead log and wakes the watcher when it changed.
///
/// The look itself costs next to nothing, but for a runtime to wake up for it hundreds of times a
/// second takes a few times as long as for a thread that only sleeps.
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
    let (mut seen, mut vain) = (stamp(log), 0_u32);
    loop {
        thread::park_timeout(if vain < VAIN { LOOK } else { CALM });
        let Some(shared) = watched.upgrade() else { return };
        let now = stamp(log);
        vain = vain.saturating_add(1);
        if std::mem::replace(&mut seen, now) != now || shared.every_look.load(Ordering::Acquire) {
            vain = 0;
            shared.written.notify_one();
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
