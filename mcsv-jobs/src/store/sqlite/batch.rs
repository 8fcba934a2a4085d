use std::pin::Pin;

use sqlx::SqliteConnection;

use super::enqueue::insert;
use super::{SqliteStore, Write, now};
use crate::store::{
    CloseBatches, Completion, Inserted, NewBatch, OVERDUE_BATCHES, Row, StoredBatch,
};
use crate::{BatchId, Error};

impl Write for NewBatch {
    /// What became of its jobs, and its completion if it has ended already.
    type Reply = (Vec<Inserted>, Vec<Completion>);

    fn apply<'a>(
        &'a self,
        conn: &'a mut SqliteConnection,
    ) -> Pin<Box<dyn Future<Output = Result<Self::Reply, sqlx::Error>> + Send + 'a>> {
        Box::pin(async move {
            let completion = self.completion.as_ref().map(Row::to_json).transpose()?;
            sqlx::query(concat!(
                "INSERT INTO mcsv_job_batches (id, inserted_at, completion) VALUES (?1, ",
                now!(),
                ", ?2)"
            ))
            .bind(self.id.get())
            .bind(completion)
            .execute(&mut *conn)
            .await?;
            let rows: Vec<&Row> = self.rows.iter().collect();
            let inserted = if rows.is_empty() { Vec::new() } else { insert(conn, &rows).await? };
            let completions = close(conn, &[self.id.get()]).await?;
            Ok((inserted, completions))
        })
    }
}

impl Write for CloseBatches {
    type Reply = Vec<Completion>;

    fn apply<'a>(
        &'a self,
        conn: &'a mut SqliteConnection,
    ) -> Pin<Box<dyn Future<Output = Result<Self::Reply, sqlx::Error>> + Send + 'a>> {
        Box::pin(async move { close(conn, &self.0).await })
    }
}

/// Ends those of these batches of which no job is unfinished, and answers with their completions.
pub(super) async fn close(
    conn: &mut SqliteConnection,
    batches: &[i64],
) -> Result<Vec<Completion>, sqlx::Error> {
    let mut completions = Vec::new();
    for id in batches {
        let ended: Option<Option<String>> = sqlx::query_scalar(concat!(
            "UPDATE mcsv_job_batches SET finished_at = ",
            now!(),
            " WHERE id = ?1 AND finished_at IS NULL AND NOT EXISTS (
                SELECT 1 FROM mcsv_jobs WHERE batch_id = ?1
                    AND state IN ('available', 'scheduled', 'executing', 'retryable'))
             RETURNING completion"
        ))
        .bind(id)
        .fetch_optional(&mut *conn)
        .await?;
        if let Some(completion) = ended.flatten() {
            let row = Row::from_json(&completion)?;
            let inserted = insert(conn, &[&row]).await?.pop();
            completions.extend(inserted.map(|inserted| Completion { row, inserted }));
        }
    }
    Ok(completions)
}

impl SqliteStore {
    pub(in crate::store) async fn batch(&self, id: BatchId) -> Result<Option<StoredBatch>, Error> {
        // One transaction is one snapshot.
        let mut tx = self.readers.begin().await?;
        let found: Option<(i64, Option<i64>)> =
            sqlx::query_as("SELECT inserted_at, finished_at FROM mcsv_job_batches WHERE id = ?1")
                .bind(id.get())
                .fetch_optional(&mut *tx)
                .await?;
        let counts = sqlx::query_as(
            "SELECT state, count(*) FROM mcsv_jobs WHERE batch_id = ?1 GROUP BY state",
        )
        .bind(id.get())
        .fetch_all(&mut *tx)
        .await?;
        tx.rollback().await?;
        let stored = |(inserted_at, finished_at)| StoredBatch { inserted_at, finished_at, counts };
        Ok(found.map(stored))
    }

    pub(in crate::store) async fn overdue_batches(&self) -> Result<Vec<i64>, Error> {
        Ok(sqlx::query_scalar(OVERDUE_BATCHES).fetch_all(&self.readers).await?)
    }
}
