//! The store in one file: a single writer that commits in groups, and a few readers.

mod ack;
mod admin;
mod batch;
mod claim;
mod complete;
mod connect;
mod data_version;
mod enqueue;
mod group;
mod limit;
mod log_watch;
mod offer;
mod pause;
mod progress;
mod prune;
mod read;
mod schema;
mod script;
mod tick;
mod turn;
mod writer;

use std::path::PathBuf;

use sqlx::SqlitePool;

pub(crate) use ack::settle;
pub(super) use data_version::DataVersion;
pub(crate) use enqueue::insert;
pub(crate) use offer::Offer;
use writer::{Write, Writer};

use super::{
    Cancel, CancelReply, CloseBatches, Inserted, NewBatch, Pause, Prune, Requeue, Row, SetLimits,
    TickOnce, Turn, TurnReply,
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
    /// The pool with the one connection that writes; a caller's transaction borrows it.
    pub(crate) write_pool: SqlitePool,
    readers: SqlitePool,
    /// The database's file; none in memory.
    pub(super) file: Option<PathBuf>,
}

impl SqliteStore {
    pub(super) async fn insert(&self, rows: Vec<Row>) -> Result<Vec<Inserted>, Error> {
        self.writer.insert(rows).await
    }

    pub(super) async fn insert_batch(
        &self,
        batch: NewBatch,
    ) -> Result<(Vec<Inserted>, Vec<String>), Error> {
        self.writer.write(batch).await
    }

    pub(super) async fn close_batches(&self, batches: CloseBatches) -> Result<Vec<String>, Error> {
        self.writer.write(batches).await
    }

    pub(super) async fn turn(&self, turn: Turn) -> Result<TurnReply, Error> {
        if turn.only_claims()
            && let Some(reply) = self.idle(&turn.queue).await?
        {
            return Ok(reply);
        }
        let limited = turn::is_plain(&turn).then(|| turn.limited());
        let reply = self.writer.turn(turn).await?;
        match limited {
            // What a limited queue lets start is asked step by step.
            Some(claim) if reply.limited => {
                let claim = self.writer.turn(claim).await?;
                Ok(TurnReply { accepted: reply.accepted, ..claim })
            }
            _ => Ok(reply),
        }
    }

    /// Has a turn that only claims join the next transaction that enqueues a job for it.
    pub(super) fn offer(&self, turn: Turn) -> Offer {
        self.writer.offer(turn)
    }

    pub(super) async fn tick(&self, tick: TickOnce) -> Result<Option<Inserted>, Error> {
        self.writer.write(tick).await
    }

    pub(super) async fn cancel(&self, cancel: Cancel) -> Result<Option<CancelReply>, Error> {
        self.writer.write(cancel).await
    }

    pub(super) async fn requeue(&self, requeue: Requeue) -> Result<Vec<String>, Error> {
        self.writer.write(requeue).await
    }

    pub(super) async fn pause(&self, pause: Pause) -> Result<(), Error> {
        self.writer.write(pause).await
    }

    pub(super) async fn limit(&self, limits: SetLimits) -> Result<(), Error> {
        self.writer.write(limits).await
    }

    pub(super) async fn prune(&self, prune: Prune) -> Result<Pruned, Error> {
        self.writer.write(prune).await
    }
}
