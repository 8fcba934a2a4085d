use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use sqlx::pool::PoolConnection;
use sqlx::{Sqlite, SqlitePool, Transaction};
use tokio::sync::mpsc;

use super::synchronous::Synchronous;
use super::writer::Request;

/// Who may write: whoever has the one connection of this pool.
///
/// The writer keeps it from one transaction to the next, as long as nobody else asks: it would have to wait
/// for its return each time.
#[derive(Clone)]
pub(crate) struct Turns {
    pool: SqlitePool,
    wanted: Arc<AtomicUsize>,
    writer: mpsc::WeakSender<Request>,
}

impl Turns {
    pub(super) fn new(pool: SqlitePool, writer: &mpsc::Sender<Request>) -> Self {
        Turns { pool, wanted: Arc::default(), writer: writer.downgrade() }
    }

    /// For everyone but the writer.
    pub(crate) async fn take(&self) -> Result<PoolConnection<Sqlite>, sqlx::Error> {
        let _wanting = self.want();
        self.pool.acquire().await
    }

    /// A caller's transaction.
    pub(super) async fn begin(
        &self,
        synchronous: &Synchronous,
    ) -> Result<Transaction<'static, Sqlite>, sqlx::Error> {
        let _wanting = self.want();
        synchronous.begin(&self.pool).await
    }

    /// For the writer, if nobody else has it or waits for it.
    pub(super) fn try_take(&self) -> Option<Turn> {
        self.pool.try_acquire().map(|conn| Turn { conn, is_clean: true })
    }

    /// For the writer, after those who wait.
    pub(super) async fn wait(self) -> Result<Turn, sqlx::Error> {
        Ok(Turn { conn: self.pool.acquire().await?, is_clean: true })
    }

    /// Whether the writer has to give it back.
    pub(super) fn is_wanted(&self) -> bool {
        self.wanted.load(Ordering::SeqCst) > 0
    }

    fn want(&self) -> Wanting<'_> {
        self.wanted.fetch_add(1, Ordering::SeqCst);
        // Where the writer has it that is no one: a return that is not through yet may have it fall below zero.
        if self.pool.num_idle() != 1
            && let Some(writer) = self.writer.upgrade()
        {
            // With no room for another request it has its hands full, and looks after each of them.
            let _ = writer.try_send(Request::Turn);
        }
        Wanting(&self.wanted)
    }
}

/// The writer's turn: a connection that is closed and not given back while a transaction on it may be open.
pub(super) struct Turn {
    pub(super) conn: PoolConnection<Sqlite>,
    pub(super) is_clean: bool,
}

impl Drop for Turn {
    fn drop(&mut self) {
        if !self.is_clean {
            self.conn.close_on_drop();
        }
    }
}

/// Somebody who waits for his turn.
struct Wanting<'a>(&'a AtomicUsize);

impl Drop for Wanting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::runtime::Runtime;
    use tokio::task::JoinSet;
    use tokio::time::timeout;

    use crate::{BoxError, ErrorKind, Job, Jobs, Json, QueueStats};

    /// Less than a connection is waited for.
    const SOON: Duration = Duration::from_secs(20);

    #[derive(serde::Serialize, serde::Deserialize)]
    struct Ping;

    impl Job for Ping {
        const KIND: &'static str = "ping";
        const QUEUE: &'static str = "pings";
        type Codec = Json;
    }

    async fn check(url: &str) -> Result<(), BoxError> {
        let jobs = Jobs::connect(url).await?;
        // The writer has its turn from here on.
        jobs.enqueue(Ping).await?;
        let mut transaction = timeout(SOON, jobs.begin()).await??;
        let waits = tokio::spawn({
            let jobs = jobs.clone();
            async move { jobs.enqueue(Ping).await }
        });
        jobs.enqueue(Ping).on(&mut transaction).await?;
        assert!(!waits.is_finished());
        transaction.commit().await?;
        timeout(SOON, waits).await???;

        let mut callers = JoinSet::<Result<(), BoxError>>::new();
        for _ in 0..16 {
            let jobs = jobs.clone();
            callers.spawn(async move {
                for _ in 0..10 {
                    jobs.enqueue(Ping).await?;
                    let mut transaction = jobs.begin().await?;
                    jobs.enqueue(Ping).on(&mut transaction).await?;
                    transaction.commit().await?;
                }
                Ok(())
            });
        }
        for done in timeout(SOON, callers.join_all()).await? {
            done?;
        }
        let stats = jobs.stats().await?;
        assert_eq!(stats.iter().map(QueueStats::unfinished).sum::<u64>(), 3 + 320);
        Ok(())
    }

    #[test]
    fn what_needs_the_runtime_of_the_connections_is_closed_with_it() -> Result<(), BoxError> {
        let folder = tempfile::tempdir()?;
        let url = format!("sqlite://{}", folder.path().join("jobs.db").display());
        let (first, second) = (Runtime::new()?, Runtime::new()?);
        let jobs = first.block_on(async {
            let jobs = Jobs::connect(&url).await?;
            // The writer has its turn from here on.
            jobs.enqueue(Ping).await?;
            Ok::<_, BoxError>(jobs)
        })?;
        drop(first);

        let paused = second.block_on(async { timeout(SOON, jobs.pause("pings")).await })?;
        assert_eq!(paused.unwrap_err().kind(), ErrorKind::Closed);
        Ok(())
    }

    #[tokio::test]
    async fn callers_and_the_writer_take_turns_in_a_file() -> Result<(), BoxError> {
        let folder = tempfile::tempdir()?;
        check(&format!("sqlite://{}", folder.path().join("jobs.db").display())).await
    }

    #[tokio::test]
    async fn callers_and_the_writer_take_turns_in_memory() -> Result<(), BoxError> {
        check("sqlite::memory:").await
    }
}
