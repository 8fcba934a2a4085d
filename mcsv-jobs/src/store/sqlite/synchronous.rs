use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use sqlx::{Sqlite, SqlitePool, Transaction};

/// Whether the connection of sqlx that writes waits for the disk whenever it commits.
///
/// A caller who commits has nobody else to wait, the writer has: see [`LogSync`](super::log_sync::LogSync).
/// It changes between transactions only, and to ask SQLite takes as long as to set it.
#[derive(Clone)]
pub(super) struct Synchronous(Arc<AtomicBool>);

impl Default for Synchronous {
    /// As connections begin.
    fn default() -> Self {
        Synchronous(Arc::new(AtomicBool::new(true)))
    }
}

impl Synchronous {
    pub(super) fn is_full(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }

    /// To be said by who has the connection.
    pub(super) fn set_normal(&self) {
        self.0.store(false, Ordering::Release);
    }

    /// To be said at any time: it may be wrong for one transaction, which sets it again in vain.
    pub(super) fn set_full(&self) {
        self.0.store(true, Ordering::Release);
    }

    /// Begins a transaction whose commit waits for the disk.
    pub(super) async fn begin(
        &self,
        pool: &SqlitePool,
    ) -> Result<Transaction<'static, Sqlite>, sqlx::Error> {
        // Both times: it may never be polled to its end, and the writer may have the connection still.
        self.set_full();
        let begun = pool.begin_with("PRAGMA synchronous = FULL; BEGIN IMMEDIATE").await;
        self.set_full();
        begun
    }
}
