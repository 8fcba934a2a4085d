use std::pin::Pin;

use sqlx::SqliteConnection;

use super::enqueue::insert;
use super::{SqliteStore, Write};
use crate::Error;
use crate::store::{Inserted, TickOnce};

impl Write for TickOnce {
    /// None if somebody had this tick already, or if the schedule is new: what was before its first
    /// start was not missed.
    type Reply = Option<Inserted>;

    fn apply<'a>(
        &'a self,
        conn: &'a mut SqliteConnection,
    ) -> Pin<Box<dyn Future<Output = Result<Self::Reply, sqlx::Error>> + Send + 'a>> {
        Box::pin(async move {
            let moved =
                sqlx::query("UPDATE mcsv_job_ticks SET last = ?2 WHERE name = ?1 AND last < ?2")
                    .bind(&self.name)
                    .bind(self.tick)
                    .execute(&mut *conn)
                    .await?
                    .rows_affected();
            if moved == 1 {
                let rows: Vec<_> = self.row.iter().collect();
                return if rows.is_empty() {
                    Ok(None)
                } else {
                    Ok(insert(conn, &rows).await?.pop())
                };
            }
            sqlx::query("INSERT INTO mcsv_job_ticks VALUES (?1, ?2) ON CONFLICT DO NOTHING")
                .bind(&self.name)
                .bind(self.tick)
                .execute(conn)
                .await?;
            Ok(None)
        })
    }
}

impl SqliteStore {
    pub(in crate::store) async fn last_tick(&self, name: &str) -> Result<Option<i64>, Error> {
        let last = sqlx::query_scalar("SELECT last FROM mcsv_job_ticks WHERE name = ?1")
            .bind(name)
            .fetch_optional(&self.readers)
            .await?;
        Ok(last)
    }
}
