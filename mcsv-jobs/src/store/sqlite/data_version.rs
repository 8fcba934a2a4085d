use sqlx::{Sqlite, SqliteConnection};

use super::SqliteStore;

/// Watches the number that SQLite raises with every commit of another connection.
#[derive(Default)]
pub(crate) struct DataVersion {
    conn: Option<sqlx::pool::PoolConnection<Sqlite>>,
    version: i64,
}

impl DataVersion {
    pub(in crate::store) async fn has_changed(&mut self, store: &SqliteStore) -> bool {
        if store.file.is_none() {
            // The one connection of a database in memory does not count its own commits.
            return true;
        }
        match self.read(store).await {
            Ok(version) => std::mem::replace(&mut self.version, version) != version,
            Err(error) => {
                tracing::warn!(%error, "the job database can't be watched: will try again");
                self.conn = None;
                false
            }
        }
    }

    async fn read(&mut self, store: &SqliteStore) -> Result<i64, sqlx::Error> {
        // The number is only comparable on one and the same connection.
        if self.conn.is_none() {
            self.conn = Some(store.readers.acquire().await?);
        }
        let Some(conn) = &mut self.conn else { return Ok(0) };
        let conn: &mut SqliteConnection = conn;
        sqlx::query_scalar("PRAGMA data_version").fetch_one(conn).await
    }
}
