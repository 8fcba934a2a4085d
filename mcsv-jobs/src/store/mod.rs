//! What the engine asks of a database, and its SQLite form.
//!
//! Everything that is SQL is in this folder: the engine above speaks in claims, acks and records,
//! so another database is another folder with the same calls.

mod ack;
mod admin;
mod claim;
mod connect;
mod enqueue;
mod prune;
mod read;
mod schema;
mod tick;
mod turn;
mod writer;

use std::path::PathBuf;

use sqlx::SqlitePool;

pub(crate) use ack::{Accepted, Ack, Fate};
pub(crate) use admin::{Cancel, Requeue, RequeueWhich};
pub(crate) use claim::Claimed;
pub(crate) use enqueue::{Inserted, Row, insert};
pub(crate) use prune::{PRUNE_STEP, Prune};
pub(crate) use read::{Depth, Orphan};
pub(crate) use tick::TickOnce;
pub(crate) use turn::{Leases, Turn, TurnReply};
pub(crate) use writer::{Write, Writer};

/// The database's own time, in milliseconds since 1970.
macro_rules! now {
    () => {
        "CAST(unixepoch('subsec') * 1000 AS INTEGER)"
    };
}
pub(crate) use now;

/// One database: a single writer that commits in groups, and a few readers.
pub(crate) struct Store {
    pub(crate) writer: Writer,
    /// The pool with the one connection that writes; a caller's transaction borrows it.
    pub(crate) write_pool: SqlitePool,
    pub(crate) readers: SqlitePool,
    /// The database's file; none in memory.
    pub(crate) file: Option<PathBuf>,
}

impl Store {
    pub(crate) async fn write<W: Write>(&self, write: W) -> Result<W::Reply, crate::Error> {
        self.writer.write(write).await
    }

    pub(crate) async fn insert(&self, rows: Vec<Row>) -> Result<Vec<Inserted>, crate::Error> {
        self.writer.insert(rows).await
    }
}
