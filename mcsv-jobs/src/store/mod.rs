//! What the engine asks of a database, and the databases that it can ask.
//!
//! Everything that is SQL is in the folders below: the engine above speaks in rows, claims, ends
//! and records. Both stores pass one suite, [`testing`](crate::testing).

mod ack;
mod audited;
mod change;
mod claim;
mod claimed;
mod key_stands;
mod limited;
mod log;
mod offer;
#[cfg(feature = "postgres")]
mod postgres;
mod record_columns;
mod row;
mod settle;
mod sqlite;
mod stored_batch;
mod watch;

use std::collections::BTreeMap;
use std::path::Path;

pub(crate) use ack::{Accepted, Ack, Fate, Settled};
use ack::{Completions, completions, ended_batches, unlogged};
pub(crate) use audited::{AUDIT_STEP, Audited, Standing};
use audited::{VANISHED, by_job};
pub(crate) use change::{
    Cancel, CancelReply, CloseBatches, LIMITED_WINDOW, NewBatch, PRUNE_STEP, Pause, Prune, Requeue,
    RequeueWhich, SetLimits, TickOnce,
};
pub(crate) use claim::{Claim, ClaimReply};
pub(crate) use claimed::{Claimed, LeaseHolder, Orphan};
use key_stands::{key_comes_back, key_stands};
use limited::{Counted, claim as claim_limited};
pub(crate) use offer::Offer;
use offer::{Offered, Offers};
#[cfg(feature = "postgres")]
use postgres::PostgresStore;
#[cfg(feature = "postgres")]
pub(crate) use postgres::{insert_on_pg, settle_on_pg};
use record_columns::record_columns;
pub(crate) use row::{Inserted, Row};
pub(crate) use settle::{Leases, Report, Settle, SettleReply};
use sqlite::SqliteStore;
pub(crate) use sqlite::{insert, settle};
pub(crate) use stored_batch::Completion;
use stored_batch::{OVERDUE_BATCHES, StoredBatch};
pub(crate) use watch::{Seen, Watch};

use crate::{
    BatchId, BatchStatus, Depth, Error, Event, EventCursor, EventPage, Filter, JobId, JobRecord,
    Limits, Pruned,
};

/// One database.
pub(crate) enum Store {
    Sqlite(SqliteStore),
    #[cfg(feature = "postgres")]
    Postgres(PostgresStore),
}

/// Asks the one that it is.
macro_rules! ask {
    ($store:expr, $one:ident => $work:expr) => {
        match $store {
            Store::Sqlite($one) => $work,
            #[cfg(feature = "postgres")]
            Store::Postgres($one) => $work,
        }
    };
}

impl Store {
    pub(crate) async fn connect(url: &str) -> Result<Self, Error> {
        match url.split(':').next().unwrap_or_default() {
            "sqlite" => SqliteStore::connect(url).await.map(Store::Sqlite),
            #[cfg(feature = "postgres")]
            "postgres" | "postgresql" => PostgresStore::connect(url).await.map(Store::Postgres),
            #[cfg(not(feature = "postgres"))]
            "postgres" | "postgresql" => {
                Err(Error::invalid("a PostgreSQL URL: build mcsv-jobs with its feature postgres"))
            }
            other => Err(Error::invalid(format!(
                "database scheme {:?}: give a URL such as sqlite:///var/lib/app/jobs.db",
                other.chars().take(16).collect::<String>()
            ))),
        }
    }

    /// The database's file; none in memory or on a server.
    pub(crate) fn file(&self) -> Option<&Path> {
        match self {
            Store::Sqlite(store) => store.file(),
            #[cfg(feature = "postgres")]
            Store::Postgres(_) => None,
        }
    }

    pub(crate) fn name(&self) -> &'static str {
        match self {
            Store::Sqlite(_) => "SQLite",
            #[cfg(feature = "postgres")]
            Store::Postgres(_) => "PostgreSQL",
        }
    }

    /// Whether two claims at a time take less than one after the other.
    pub(crate) fn claims_together(&self) -> bool {
        match self {
            // There is one writer.
            Store::Sqlite(_) => false,
            #[cfg(feature = "postgres")]
            Store::Postgres(_) => true,
        }
    }

    pub(crate) fn sqlite(&self) -> Result<&SqliteStore, Error> {
        match self {
            Store::Sqlite(store) => Ok(store),
            #[cfg(feature = "postgres")]
            Store::Postgres(_) => Err(self.other("begin_pg() and on_pg()")),
        }
    }

    #[cfg(feature = "postgres")]
    pub(crate) fn postgres(&self) -> Result<&PostgresStore, Error> {
        match self {
            Store::Postgres(store) => Ok(store),
            Store::Sqlite(_) => Err(self.other("begin() and on()")),
        }
    }

    #[cfg(feature = "postgres")]
    fn other(&self, calls: &str) -> Error {
        Error::invalid(format!("the queue is on {}: use {calls}", self.name()))
    }

    /// What starts as it is inserted may do so before this returns.
    pub(crate) async fn insert(&self, rows: Vec<Row>) -> Result<Vec<Inserted>, Error> {
        match self {
            Store::Sqlite(store) => store.insert(rows).await,
            #[cfg(feature = "postgres")]
            Store::Postgres(store) => store.insert_or_start(rows).await,
        }
    }

    /// What became of the jobs, and the completion if the batch has ended already.
    pub(crate) async fn insert_batch(
        &self,
        batch: NewBatch,
    ) -> Result<(Vec<Inserted>, Vec<Completion>), Error> {
        ask!(self, store => store.insert_batch(batch).await)
    }

    /// Ends the batches that are over and were left open: by a worker of an earlier version, which
    /// knows nothing of batches. Their completions.
    pub(crate) async fn close_overdue_batches(&self) -> Result<Vec<Completion>, Error> {
        let overdue = ask!(self, store => store.overdue_batches().await)?;
        if overdue.is_empty() {
            return Ok(Vec::new());
        }
        ask!(self, store => store.close_batches(CloseBatches(overdue)).await)
    }

    /// Ends the batch of a job if that was the last of it, and answers with its completion.
    pub(crate) async fn close_batch_of(&self, job: JobId) -> Result<Vec<Completion>, Error> {
        let batch = self.get(job).await?.and_then(|job| job.batch);
        let Some(batch) = batch else { return Ok(Vec::new()) };
        let batches = CloseBatches(vec![batch.get()]);
        ask!(self, store => store.close_batches(batches).await)
    }

    pub(crate) async fn batch(&self, id: BatchId) -> Result<Option<BatchStatus>, Error> {
        let found = ask!(self, store => store.batch(id).await)?;
        found.map(|batch| batch.status(id)).transpose()
    }

    /// Starts jobs for a worker. A power cut may take it back, and the worker with it.
    pub(crate) async fn claim(&self, claim: Claim) -> Result<ClaimReply, Error> {
        ask!(self, store => store.claim(claim).await)
    }

    pub(crate) async fn settle(&self, settle: Settle) -> Result<SettleReply, Error> {
        ask!(self, store => store.settle(settle).await)
    }

    /// Returns when all ends that were written are on disk.
    pub(crate) async fn sync(&self) -> Result<(), Error> {
        match self {
            Store::Sqlite(store) => store.sync().await,
            // It answers after that.
            #[cfg(feature = "postgres")]
            Store::Postgres(_) => Ok(()),
        }
    }

    /// Has a claim join the next transaction of this process that enqueues a job for it.
    pub(crate) fn offer(&self, claim: Claim) -> Offer {
        ask!(self, store => store.offer(claim))
    }

    pub(crate) async fn tick(&self, tick: TickOnce) -> Result<Option<Inserted>, Error> {
        ask!(self, store => store.tick(tick).await)
    }

    /// The tick of a schedule that was enqueued last, in minutes since 1970.
    pub(crate) async fn last_tick(&self, name: &str) -> Result<Option<i64>, Error> {
        ask!(self, store => store.last_tick(name).await)
    }

    pub(crate) async fn cancel(&self, cancel: Cancel) -> Result<Option<CancelReply>, Error> {
        ask!(self, store => store.cancel(cancel).await)
    }

    /// The queues of the jobs that were put back, one entry per job.
    pub(crate) async fn requeue(&self, requeue: Requeue) -> Result<Vec<String>, Error> {
        ask!(self, store => store.requeue(requeue).await)
    }

    pub(crate) async fn pause(&self, pause: Pause) -> Result<(), Error> {
        ask!(self, store => store.pause(pause).await)
    }

    pub(crate) async fn paused(&self) -> Result<Vec<String>, Error> {
        ask!(self, store => store.paused().await)
    }

    pub(crate) async fn limit(&self, limits: SetLimits) -> Result<(), Error> {
        ask!(self, store => store.limit(limits).await)
    }

    pub(crate) async fn limits(&self) -> Result<BTreeMap<String, Limits>, Error> {
        ask!(self, store => store.limits().await)
    }

    pub(crate) async fn prune(&self, prune: Prune) -> Result<Pruned, Error> {
        ask!(self, store => store.prune(prune).await)
    }

    pub(crate) async fn get(&self, id: JobId) -> Result<Option<JobRecord>, Error> {
        ask!(self, store => store.get(id).await)
    }

    /// Up to `limit` jobs that match, the newest first.
    pub(crate) async fn list(&self, filter: &Filter, limit: u32) -> Result<Vec<JobRecord>, Error> {
        ask!(self, store => store.list(filter, limit).await)
    }

    /// Queue, state and number, ordered by both names.
    pub(crate) async fn counts(
        &self,
        queue: Option<&str>,
    ) -> Result<Vec<(String, String, i64)>, Error> {
        ask!(self, store => store.counts(queue).await)
    }

    pub(crate) async fn events(&self, id: JobId) -> Result<Vec<Event>, Error> {
        ask!(self, store => store.events(id).await)
    }

    /// Up to `limit` events after `cursor`, in the order of the log, all on disk.
    pub(crate) async fn events_after(
        &self,
        cursor: EventCursor,
        limit: u32,
    ) -> Result<EventPage, Error> {
        ask!(self, store => store.events_after(cursor, limit).await)
    }

    /// The end of the log.
    pub(crate) async fn event_cursor(&self) -> Result<EventCursor, Error> {
        ask!(self, store => store.event_cursor().await)
    }

    /// How the database finds the events after a cursor, in its own words.
    #[cfg(feature = "testing")]
    pub(crate) async fn plan_of_events_after(&self, cursor: EventCursor) -> Result<String, Error> {
        ask!(self, store => store.plan_of_events_after(cursor).await)
    }

    /// The next rows after the id `after` with their events; none after the last.
    pub(crate) async fn audit(&self, after: i64) -> Result<Vec<Audited>, Error> {
        ask!(self, store => store.audit(after).await)
    }

    /// The next jobs after the id `after` that have no row and have not ended, with their states.
    pub(crate) async fn vanished(&self, after: i64) -> Result<Vec<(i64, String)>, Error> {
        ask!(self, store => store.vanished(after).await)
    }

    /// Which of `keys` an unfinished job of `kind` has.
    pub(crate) async fn keys_unfinished(
        &self,
        kind: &str,
        keys: &[String],
    ) -> Result<Vec<String>, Error> {
        ask!(self, store => store.keys_unfinished(kind, keys).await)
    }

    /// What the job `id` last said of itself, as JSON.
    pub(crate) async fn progress(&self, id: JobId) -> Result<Option<String>, Error> {
        ask!(self, store => store.progress(id).await)
    }

    /// The database's clock, in milliseconds since 1970.
    pub(crate) async fn now(&self) -> Result<i64, Error> {
        ask!(self, store => store.now().await)
    }

    pub(crate) async fn lease_holders(&self) -> Result<Vec<LeaseHolder>, Error> {
        ask!(self, store => store.lease_holders().await)
    }

    pub(crate) async fn orphans(&self, queue: &str, dead: &[String]) -> Result<Vec<Orphan>, Error> {
        ask!(self, store => store.orphans(queue, dead).await)
    }

    /// The unfinished jobs by queue, kind and state, ordered by all three; kept rows are not looked
    /// at.
    pub(crate) async fn depths(&self) -> Result<Vec<Depth>, Error> {
        let counted = ask!(self, store => store.depths().await)?;
        counted.into_iter().map(Depth::try_from).collect()
    }

    /// How the database finds them, in its own words.
    #[cfg(feature = "testing")]
    pub(crate) async fn plan_of_depths(&self) -> Result<String, Error> {
        ask!(self, store => store.plan_of_depths().await)
    }

    /// How the database finds the jobs that have ended, in its own words.
    #[cfg(feature = "testing")]
    pub(crate) async fn plan_of_completion(&self, ids: &[i64]) -> Result<String, Error> {
        ask!(self, store => store.plan_of_completion(ids).await)
    }

    /// All events of each of these jobs, in their order.
    pub(crate) async fn logs(&self, ids: &[i64]) -> Result<BTreeMap<i64, Vec<Event>>, Error> {
        ask!(self, store => store.logs(ids).await).map(by_job)
    }

    /// Tells other processes of new work in `queue`. SQLite's look at the file themselves.
    #[cfg_attr(not(feature = "postgres"), allow(unused_variables, reason = "nobody to tell"))]
    pub(crate) fn tell(&self, queue: &str) {
        match self {
            Store::Sqlite(_) => {}
            #[cfg(feature = "postgres")]
            Store::Postgres(store) => store.notifier.tell(queue),
        }
    }

    /// Tells other processes that a running job may have been called off, or taken over.
    pub(crate) fn tell_all(&self) {
        match self {
            Store::Sqlite(_) => {}
            #[cfg(feature = "postgres")]
            Store::Postgres(store) => store.notifier.tell_all(),
        }
    }

    /// Runs one statement as it is, for tests that have to bend the database.
    #[cfg(any(test, feature = "testing"))]
    pub(crate) async fn bend(&self, sql: String) -> Result<(), Error> {
        let sql = sqlx::AssertSqlSafe(sql);
        match self {
            Store::Sqlite(store) => {
                store.bend(sql).await?;
            }
            #[cfg(feature = "postgres")]
            Store::Postgres(store) => {
                sqlx::raw_sql(sql).execute(&store.callers).await?;
            }
        }
        Ok(())
    }
}
