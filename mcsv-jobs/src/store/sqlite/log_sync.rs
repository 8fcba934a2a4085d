use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use sqlx::SqliteConnection;
use tokio::sync::mpsc;

use super::connect::BUSY;
use super::on_runtime;
use super::turns::Turns;
use super::writer::Durability;
use crate::{Error, ErrorKind};

/// The most who wait for the disk; beyond it the writer waits, too.
const WAITING: usize = 4_096;
/// How long readers are waited for before a log begins anew. Nothing is written meanwhile.
const READERS: Duration = Duration::from_millis(250);

/// Brings to the disk what was committed without waiting for it, while the next transaction runs.
///
/// Who is to hear of a commit once no power cut can take it back is answered after a sync of the log that
/// began when he was here already. One runs at a time, and the next is for all who came meanwhile. The
/// log is a prefix: with a commit all those before it are on disk, whoever made them.
///
/// A checkpoint in between does no harm, whoever makes it: it brings the log to the disk before the
/// database, and the database before the log begins anew.
///
/// # When a sync fails
///
/// The system may take what it could not write for written: the next sync of the same bytes can succeed
/// without them. And SQLite reads a log up to its first gap, so that nothing behind it would count, synced
/// or not. So a log with a failed sync is never synced again. All of it is copied into the database, and
/// that is synced; then the log begins anew, in place of the old one. Until that has succeeded all who
/// wait are told that it failed. It needs what the system still has in memory of the log, as every reader
/// of the database does then.
#[derive(Clone)]
pub(super) struct LogSync {
    /// None in memory, where there is nothing to bring.
    wants: Option<mpsc::Sender<Want>>,
    is_torn: Arc<AtomicBool>,
    begun_anew: Arc<AtomicU64>,
}

/// What the log is on.
pub(super) trait Disk: Send + 'static {
    /// Returns when all that was written is there.
    fn sync(&mut self) -> io::Result<()>;
}

/// Somebody who waits, with what he is to hear.
pub(super) trait Hearer: Send {
    fn answer(self: Box<Self>);
    fn fail(self: Box<Self>, error: Error);
}

enum Want {
    Hearer(Box<dyn Hearer>),
    /// Nobody waits for it.
    Sync,
}

impl LogSync {
    pub(super) fn spawn(turns: Turns, disk: Option<Box<dyn Disk>>) -> Result<Self, Error> {
        let mut sync = LogSync { wants: None, is_torn: Arc::default(), begun_anew: Arc::default() };
        let Some(disk) = disk else { return Ok(sync) };
        let (wants, queue) = mpsc::channel(WAITING);
        let (is_torn, begun_anew) = (Arc::clone(&sync.is_torn), Arc::clone(&sync.begun_anew));
        let serving = Serving { turns, disk, is_torn, begun_anew };
        on_runtime::thread("mcsv-jobs-sync", move || serving.serve(queue))?;
        sync.wants = Some(wants);
        Ok(sync)
    }

    /// How often the log has begun anew after a sync that failed.
    pub(super) fn begun_anew(&self) -> u64 {
        self.begun_anew.load(Ordering::Acquire)
    }

    /// Whether so many can be added to those who wait, without a wait for that.
    pub(super) fn has_room(&self, count: usize) -> bool {
        self.wants.as_ref().is_none_or(|wants| wants.capacity() >= count)
    }

    /// Answers the `hearer` of what is committed by now when that lasts as it is to. For the writer's thread.
    pub(super) fn answer(&self, lasts: Durability, hearer: Box<dyn Hearer>) {
        let Some(wants) = self.wants.as_ref().filter(|_| lasts != Durability::Later) else {
            return hearer.answer();
        };
        if lasts == Durability::Now {
            // With the thread gone it is dropped, which is an answer, too.
            let _ = wants.blocking_send(Want::Hearer(hearer));
            return;
        }
        hearer.answer();
        // Another one that waits will do: its sync has not begun.
        if wants.capacity() == wants.max_capacity() {
            let _ = wants.try_send(Want::Sync);
        }
    }

    /// Whether a sync failed and the log has not begun anew.
    pub(super) fn is_torn(&self) -> bool {
        self.is_torn.load(Ordering::Acquire)
    }
}

struct Serving {
    turns: Turns,
    disk: Box<dyn Disk>,
    is_torn: Arc<AtomicBool>,
    begun_anew: Arc<AtomicU64>,
}

impl Serving {
    fn serve(mut self, mut queue: mpsc::Receiver<Want>) {
        let mut wants = Vec::new();
        while queue.blocking_recv_many(&mut wants, WAITING) > 0 {
            let brought = self.bring();
            for want in wants.drain(..) {
                match (want, &brought) {
                    (Want::Sync, _) => {}
                    (Want::Hearer(hearer), Ok(())) => hearer.answer(),
                    (Want::Hearer(hearer), Err(error)) => hearer.fail(error.again()),
                }
            }
            if let Err(error) = brought {
                warn(&error);
                // The next are not to find it torn.
                let _ = self.bring();
            }
        }
    }

    /// Returns when all that was committed before is on disk.
    fn bring(&mut self) -> Result<(), Error> {
        if self.is_torn.load(Ordering::Acquire) {
            let turns = self.turns.clone();
            let begun = on_runtime::run(async move { begin_anew(&turns).await });
            begun.ok_or_else(Error::closed)?.map_err(not_on_disk)?;
            self.begun_anew.fetch_add(1, Ordering::AcqRel);
            self.is_torn.store(false, Ordering::Release);
            return Ok(());
        }
        self.disk.sync().map_err(|error| {
            self.is_torn.store(true, Ordering::Release);
            not_on_disk(error)
        })
    }
}

fn warn(error: &Error) {
    let error = error as &dyn std::error::Error;
    tracing::warn!(
        error,
        "the job database is not on disk: what is in it may not outlast a power cut"
    );
}

fn not_on_disk(cause: impl Into<crate::BoxError>) -> Error {
    let context = "the disk did not take what was committed: it is in the job database, and a power \
                   cut may take it back; check the disk before asking again";
    Error::new(ErrorKind::NotOnDisk, context).with_source(cause)
}

/// Brings all of the log into the database and to the disk, and has the log begin anew.
async fn begin_anew(turns: &Turns) -> Result<(), sqlx::Error> {
    let mut conn = turns.take().await?;
    wait_for_locks(&mut conn, READERS).await?;
    let mut begun = truncate(&mut conn).await;
    if let Err(sqlx::Error::Database(_)) = begun {
        // SQLite's own handle is told of the same failure once more, and that is no new one.
        begun = truncate(&mut conn).await;
    }
    wait_for_locks(&mut conn, BUSY).await?;
    begun
}

async fn truncate(conn: &mut SqliteConnection) -> Result<(), sqlx::Error> {
    let (is_busy, _, _): (bool, i64, i64) =
        sqlx::query_as("PRAGMA wal_checkpoint(TRUNCATE)").fetch_one(conn).await?;
    if is_busy {
        return Err(sqlx::Error::Protocol("somebody reads an older state of it".to_owned()));
    }
    Ok(())
}

async fn wait_for_locks(conn: &mut SqliteConnection, time: Duration) -> Result<(), sqlx::Error> {
    let pragma = format!("PRAGMA busy_timeout = {}", time.as_millis());
    sqlx::raw_sql(sqlx::AssertSqlSafe(pragma)).execute(conn).await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::path::{Path, PathBuf};

    use mcsv_core::TraceContext;
    use sqlx::Connection as _;
    use tokio::sync::mpsc::UnboundedReceiver;

    use super::super::Writer;
    use super::super::connect::open_writer;
    use super::super::log_watch::log_of;
    use super::*;
    use crate::keyring::Keyring;
    use crate::store::{Claim, Inserted, Row};
    use crate::{Job, Json, NewJob};

    #[derive(serde::Serialize, serde::Deserialize)]
    struct Ping;

    impl Job for Ping {
        const KIND: &'static str = "ping";
        const QUEUE: &'static str = "pings";
        type Codec = Json;
    }

    /// A disk that says when a sync begins, and ends it as it is told.
    struct Gate {
        begun: mpsc::UnboundedSender<()>,
        ends: std::sync::mpsc::Receiver<io::Result<()>>,
    }

    impl Disk for Gate {
        fn sync(&mut self) -> io::Result<()> {
            let _ = self.begun.send(());
            self.ends.recv().unwrap_or(Ok(()))
        }
    }

    struct Scene {
        writer: Arc<Writer>,
        database: PathBuf,
        begins: UnboundedReceiver<()>,
        end: std::sync::mpsc::Sender<io::Result<()>>,
        _folder: tempfile::TempDir,
    }

    type Inserting = tokio::task::JoinHandle<Result<Vec<Inserted>, Error>>;

    impl Scene {
        async fn new() -> Scene {
            let folder = tempfile::tempdir().unwrap();
            let database = folder.path().join("jobs.db");
            let (begun, begins) = mpsc::unbounded_channel();
            let (end, ends) = std::sync::mpsc::channel();
            let url = format!("sqlite://{}", database.display());
            let writer = open_writer(&url, Box::new(Gate { begun, ends })).await.unwrap();
            Scene { writer: Arc::new(writer), database, begins, end, _folder: folder }
        }

        /// Enqueues a job, and returns once it is committed.
        async fn enqueue(&self) -> Inserting {
            let (commits, _) = self.writer.progress();
            let writer = Arc::clone(&self.writer);
            let trace = TraceContext::random_root();
            let row = Row::new(&NewJob::new(Ping), &trace, &Keyring::default()).unwrap();
            let inserting = tokio::spawn(async move { writer.insert(vec![row]).await });
            while self.writer.progress().0 == commits {
                tokio::task::yield_now().await;
            }
            inserting
        }

        /// The numbers that each log has of its own.
        fn salt(&self) -> Vec<u8> {
            std::fs::read(log_of(&self.database)).unwrap()[16..24].to_vec()
        }

        async fn rows(&self) -> i64 {
            let mut conn = reader(&self.database).await;
            sqlx::query_scalar("SELECT count(*) FROM mcsv_jobs").fetch_one(&mut conn).await.unwrap()
        }
    }

    async fn reader(database: &Path) -> SqliteConnection {
        let url = format!("sqlite://{}", database.display());
        SqliteConnection::connect(&url).await.unwrap()
    }

    fn claim() -> Claim {
        Claim {
            queue: "pings".to_owned(),
            owner: "1-2.3".to_owned(),
            lease: Duration::from_secs(30),
            room: 1,
            is_sure: false,
            is_urgent: true,
            is_limited: false,
        }
    }

    #[tokio::test]
    async fn a_job_starts_before_the_disk_has_it_and_its_enqueue_is_answered_after_that() {
        let mut scene = Scene::new().await;
        let mut offer = scene.writer.offer(claim());
        let enqueue = scene.enqueue().await;

        let started = offer.taken().await.unwrap().claimed;
        scene.begins.recv().await;
        assert!(!enqueue.is_finished());
        scene.end.send(Ok(())).unwrap();

        let inserted = enqueue.await.unwrap().unwrap();
        assert_eq!(inserted[0].id.get(), started[0].id);
        assert!(inserted[0].has_started);
    }

    #[tokio::test]
    async fn a_sync_is_for_those_who_came_before_it_began_and_the_next_for_all_others() {
        let mut scene = Scene::new().await;
        let first = scene.enqueue().await;
        scene.begins.recv().await;
        let others = [scene.enqueue().await, scene.enqueue().await];
        scene.end.send(Ok(())).unwrap();
        first.await.unwrap().unwrap();

        scene.begins.recv().await;
        assert!(others.iter().all(|other| !other.is_finished()));
        scene.end.send(Ok(())).unwrap();
        for other in others {
            other.await.unwrap().unwrap();
        }
        assert!(scene.begins.try_recv().is_err(), "a third sync");
    }

    #[tokio::test]
    async fn a_failed_sync_fails_those_who_waited_and_begins_the_log_anew() {
        let mut scene = Scene::new().await;
        let first = scene.enqueue().await;
        scene.begins.recv().await;
        let salt = scene.salt();
        scene.end.send(Err(io::Error::other("the disk is gone"))).unwrap();

        let error = first.await.unwrap().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotOnDisk);
        assert!(error.is_retryable());
        while scene.writer.is_torn() {
            tokio::task::yield_now().await;
        }
        let next = scene.enqueue().await;
        scene.begins.recv().await;
        assert_ne!(scene.salt(), salt);
        scene.end.send(Ok(())).unwrap();

        next.await.unwrap().unwrap();
        assert_eq!(scene.rows().await, 2, "the one that was not answered is there, too");
    }

    #[tokio::test]
    async fn nothing_is_said_to_be_on_disk_while_the_log_has_a_gap() {
        let mut scene = Scene::new().await;
        // Reads the log, which can't begin anew as long as it does.
        let mut reads = reader(&scene.database).await;
        let mut reading = reads.begin().await.unwrap();
        let before: i64 = sqlx::query_scalar("SELECT count(*) FROM mcsv_jobs")
            .fetch_one(&mut *reading)
            .await
            .unwrap();
        assert_eq!(before, 0);
        let first = scene.enqueue().await;
        scene.begins.recv().await;
        scene.end.send(Err(io::Error::other("the disk is gone"))).unwrap();
        assert!(first.await.unwrap().is_err());

        // The disk would take all of these.
        drop(scene.end);
        assert_eq!(scene.writer.sync().await.unwrap_err().kind(), ErrorKind::NotOnDisk);

        reading.rollback().await.unwrap();
        scene.writer.sync().await.unwrap();
        assert!(!scene.writer.is_torn());
    }
}
