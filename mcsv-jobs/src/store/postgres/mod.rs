//! The store on a server: short transactions from a pool, jobs claimed by row locks.

mod ack;
mod admin;
mod batch;
mod claim;
mod complete;
mod connect;
mod detach;
mod enqueue;
mod frontier;
mod limit;
mod notify;
mod pause;
#[cfg(feature = "testing")]
mod plan;
mod presence;
mod progress;
mod prune;
mod read;
mod schema;
mod settle;
mod start;
mod tick;
mod unlogged;

use std::sync::Arc;

use sqlx::PgPool;

pub(crate) use ack::settle_on_pg;
pub(crate) use enqueue::insert_on_pg;
use frontier::Frontiers;
use notify::Notifier;
pub(super) use presence::Presence;

use super::Offers;

pub(crate) struct PostgresStore {
    /// For callers: enqueues, transactions and questions.
    pub(crate) callers: PgPool,
    /// For the workers: callers who use up their pool must not cost a running job its lease.
    engine: PgPool,
    pub(super) notifier: Notifier,
    /// Of the drivers in this process.
    offers: Arc<Offers>,
    frontiers: Frontiers,
}
