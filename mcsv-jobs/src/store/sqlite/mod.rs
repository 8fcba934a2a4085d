//! The store in one file: a single writer that commits in groups, and a few readers.

mod ack;
mod admin;
mod batch;
mod claim;
mod complete;
mod connect;
mod data_version;
mod enqueue;
mod file;
mod group;
mod limit;
mod log_file;
mod log_news;
mod log_sync;
mod log_watch;
mod on_runtime;
mod own;
mod pause;
#[cfg(feature = "testing")]
mod plan;
mod progress;
mod prune;
mod read;
mod schema;
mod script;
mod settle;
mod start;
mod synchronous;
mod tick;
mod turns;
mod unlogged;
mod writer;

use std::path::Path;

use sqlx::{Sqlite, SqlitePool, Transaction};

pub(crate) use ack::settle;
pub(super) use data_version::DataVersion;
pub(crate) use enqueue::insert;
use file::DatabaseFile;
use synchronous::Synchronous;
use writer::{Write, Writer};

use super::{
    Cancel, CancelReply, Claim, ClaimReply, CloseBatches, Completion, Inserted, NewBatch, Offer,
    Pause, Prune, Requeue, Row, SetLimits, Settle, SettleReply, TickOnce,
};
use crate::{Error, Pruned};

/// The database's own time, in milliseconds since 1970.
macro_rules! now {
    () => {
        "CAST(unixepoch('subsec') * 1000 AS INTEGER)"
    };
}
use now;

pub(crate) struct SqliteStore {
    writer: Writer,
    synchronous: Synchronous,
    readers: SqlitePool,
    /// The database's file; none in memory.
    file: Option<DatabaseFile>,
}

impl SqliteStore {
    pub(super) fn file(&self) -> Option<&Path> {
        self.file.as_ref().map(DatabaseFile::path)
    }

    /// That the database is where the next one will look for it.
    fn check_file(&self) -> Result<(), Error> {
        self.file.as_ref().map_or(Ok(()), DatabaseFile::check)
    }

    pub(super) async fn insert(&self, rows: Vec<Row>) -> Result<Vec<Inserted>, Error> {
        self.check_file()?;
        self.writer.insert(rows).await
    }

    pub(super) async fn insert_batch(
        &self,
        batch: NewBatch,
    ) -> Result<(Vec<Inserted>, Vec<Completion>), Error> {
        self.check_file()?;
        self.writer.write(batch).await
    }

    pub(super) async fn close_batches(
        &self,
        batches: CloseBatches,
    ) -> Result<Vec<Completion>, Error> {
        self.check_file()?;
        self.writer.write(batches).await
    }

    pub(super) async fn claim(&self, claim: Claim) -> Result<ClaimReply, Error> {
        self.check_file()?;
        if !claim.is_sure
            && let Some(reply) = self.idle(&claim.queue).await?
        {
            return Ok(reply);
        }
        if !claim.is_limited {
            let reply = self.writer.claim(claim.clone()).await?;
            if !reply.limited {
                return Ok(reply);
            }
        }
        // What a limited queue lets start is asked step by step.
        self.writer.write(claim).await
    }

    /// Also where the file is lost: a worker that shuts down must come to its end.
    pub(super) async fn settle(&self, settle: Settle) -> Result<SettleReply, Error> {
        self.writer.settle(settle).await
    }

    /// Returns when all that was written is on disk.
    pub(super) async fn sync(&self) -> Result<(), Error> {
        self.writer.sync().await
    }

    /// A caller's transaction, which he commits himself: that waits for the disk.
    pub(crate) async fn begin(&self) -> Result<Transaction<'static, Sqlite>, Error> {
        self.check_file()?;
        if self.writer.is_torn() {
            // His commit would succeed behind a gap, and be gone with it.
            self.sync().await?;
        }
        let transaction = self.writer.turns().begin(&self.synchronous).await?;
        Ok(transaction)
    }

    /// Has a claim join the next transaction that enqueues a job for it.
    pub(super) fn offer(&self, claim: Claim) -> Offer {
        self.writer.offer(claim)
    }

    pub(super) async fn tick(&self, tick: TickOnce) -> Result<Option<Inserted>, Error> {
        self.check_file()?;
        self.writer.write(tick).await
    }

    pub(super) async fn cancel(&self, cancel: Cancel) -> Result<Option<CancelReply>, Error> {
        self.check_file()?;
        self.writer.write(cancel).await
    }

    pub(super) async fn requeue(&self, requeue: Requeue) -> Result<Vec<String>, Error> {
        self.check_file()?;
        self.writer.write(requeue).await
    }

    pub(super) async fn pause(&self, pause: Pause) -> Result<(), Error> {
        self.check_file()?;
        self.writer.write(pause).await
    }

    pub(super) async fn limit(&self, limits: SetLimits) -> Result<(), Error> {
        self.check_file()?;
        self.writer.write(limits).await
    }

    pub(super) async fn prune(&self, prune: Prune) -> Result<Pruned, Error> {
        self.check_file()?;
        self.writer.write(prune).await
    }

    /// Runs one statement as it is.
    #[cfg(any(test, feature = "testing"))]
    pub(super) async fn bend(&self, sql: sqlx::AssertSqlSafe<String>) -> Result<(), sqlx::Error> {
        let mut conn = self.writer.turns().take().await?;
        sqlx::raw_sql(sql).execute(&mut *conn).await.map(drop)
    }
}
