use std::path::Path;
use std::time::Duration;

use sqlx::{Sqlite, SqliteConnection};
use tokio::time::Instant;

use super::SqliteStore;
use super::log_watch::{LogWatch, Stamp, log_of, stamp};
use crate::store::Seen;

/// How long after the log was last written to SQLite is asked at every look: the commit shows later
/// than its bytes, and two writes can have one time stamp.
const YOUNG: Duration = Duration::from_secs(1);
/// How long a write is waited for that has not become a commit yet.
const PATIENCE: Duration = Duration::from_secs(10);
/// How often SQLite is asked although nothing seems to have been written.
const SURE: Duration = Duration::from_secs(5);
/// How often the drivers look after their leases where this process writes all the time, and how
/// often they are woken where nothing tells.
const GAP: Duration = Duration::from_millis(100);

/// Notices the commits of other processes, and of connections that callers brought.
///
/// A thread looks at the time of the write-ahead log, every few milliseconds or when Linux tells of a
/// write, and an idle process asks SQLite nothing. Only when the log has been written to is SQLite asked for its `data_version`, the
/// number that changes with every commit of another connection.
pub(crate) struct DataVersion {
    /// None where there is no log, or no thread to be had.
    log: Option<LogWatch>,
    conn: Option<sqlx::pool::PoolConnection<Sqlite>>,
    version: i64,
    stamp: Stamp,
    /// Ask at every look until then.
    ask_until: Instant,
    /// Ask then at the latest.
    ask_at: Instant,
    /// The writer's commits, and its last id, when it was last looked.
    own: (u64, i64),
    /// Since when a change has not been told.
    untold: bool,
    tell_at: Instant,
}

impl DataVersion {
    pub(in crate::store) fn new(store: &SqliteStore) -> Self {
        let now = Instant::now();
        let log = store.file().map(LogWatch::spawn).transpose();
        let log = log.inspect_err(|error| {
            tracing::warn!(%error, "no thread watches the job database: looking now and then");
        });
        DataVersion {
            log: log.ok().flatten(),
            conn: None,
            version: 0,
            stamp: None,
            ask_until: now,
            ask_at: now,
            own: (0, 0),
            untold: false,
            tell_at: now,
        }
    }

    /// Waits until a look may find something. Cancel safe.
    pub(in crate::store) async fn written(&self) {
        match &self.log {
            Some(log) => log.written().await,
            None => std::future::pending().await,
        }
    }

    pub(in crate::store) async fn look(&mut self, store: &SqliteStore) -> Seen {
        let seen = self.look_once(store).await;
        if let Some(log) = &self.log {
            log.wake_at_every_look(Instant::now() < self.ask_until);
        }
        seen
    }

    async fn look_once(&mut self, store: &SqliteStore) -> Seen {
        let now = Instant::now();
        let Some(file) = store.file() else {
            // The one connection of a database in memory does not count its own commits.
            self.untold = true;
            return self.tell(now);
        };
        if !self.is_to_ask(file, now) {
            return self.tell(now);
        }
        match self.ask(store, now).await {
            Ok(Seen::Nothing) => self.tell(now),
            Ok(seen) => seen,
            Err(error) => {
                tracing::warn!(%error, "the job database can't be watched: will try again");
                self.conn = None;
                self.ask_until = now;
                self.ask_at = now + GAP;
                Seen::Nothing
            }
        }
    }

    fn is_to_ask(&mut self, file: &Path, now: Instant) -> bool {
        let stamp = stamp(&log_of(file));
        if stamp != self.stamp {
            self.stamp = stamp;
            self.ask_until = now + PATIENCE;
        }
        // Without a log to look at there is nothing but SQLite itself.
        now < self.ask_until || now >= self.ask_at || (stamp.is_none() && now >= self.tell_at)
    }

    async fn ask(&mut self, store: &SqliteStore, now: Instant) -> Result<Seen, sqlx::Error> {
        let own = store.writer.progress();
        let version = self.read(store).await?;
        self.ask_at = now + SURE;
        if std::mem::replace(&mut self.version, version) == version {
            return Ok(Seen::Nothing);
        }
        self.ask_until = now + YOUNG;
        self.untold = true;
        let (commits, last_id) = std::mem::replace(&mut self.own, own);
        if commits == own.0 {
            return Ok(self.tell_now(now));
        }
        // This process wrote too, which is no news. An id that it did not give is.
        let last = self.last_id(store).await?;
        let known = last_id.max(own.1);
        self.own.1 = known.max(last);
        Ok(if last > known { Seen::NewJobs } else { Seen::Nothing })
    }

    fn tell(&mut self, now: Instant) -> Seen {
        if self.untold && now >= self.tell_at { self.tell_now(now) } else { Seen::Nothing }
    }

    fn tell_now(&mut self, now: Instant) -> Seen {
        self.untold = false;
        self.tell_at = now + GAP;
        Seen::Change
    }

    async fn read(&mut self, store: &SqliteStore) -> Result<i64, sqlx::Error> {
        sqlx::query_scalar("PRAGMA data_version").fetch_one(self.conn(store).await?).await
    }

    async fn last_id(&mut self, store: &SqliteStore) -> Result<i64, sqlx::Error> {
        sqlx::query_scalar("SELECT last FROM mcsv_job_ids").fetch_one(self.conn(store).await?).await
    }

    /// The number is only comparable on one and the same connection.
    async fn conn(&mut self, store: &SqliteStore) -> Result<&mut SqliteConnection, sqlx::Error> {
        let conn = match self.conn.take() {
            Some(conn) => conn,
            None => store.readers.acquire().await?,
        };
        Ok(self.conn.insert(conn))
    }
}
