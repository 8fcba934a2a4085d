use sqlx::{Connection as _, PgConnection};

use super::PostgresStore;
use super::enqueue::insert;
use super::notify::TELL_EACH;
use crate::store::{
    CloseBatches, Completion, Inserted, NewBatch, OVERDUE_BATCHES, Row, StoredBatch,
};
use crate::{BatchId, Error};

impl PostgresStore {
    /// What became of its jobs, and its completion if it has ended already.
    pub(in crate::store) async fn insert_batch(
        &self,
        batch: NewBatch,
    ) -> Result<(Vec<Inserted>, Vec<Completion>), Error> {
        let completion = batch.completion.as_ref().map(Row::to_json).transpose()?;
        let rows: Vec<&Row> = batch.rows.iter().collect();
        self.call_about(rows.len(), async |conn| {
            let mut tx = conn.begin_with("BEGIN ISOLATION LEVEL READ COMMITTED").await?;
            sqlx::query(
                "INSERT INTO mcsv_job_batches (id, inserted_at, completion)
                 VALUES ($1, mcsv_jobs_now(), $2)",
            )
            .bind(batch.id.get())
            .bind(completion)
            .execute(&mut *tx)
            .await?;
            let inserted =
                if rows.is_empty() { Vec::new() } else { insert(&mut tx, &rows).await? };
            let completions = close(&mut tx, &[batch.id.get()]).await?;
            tx.commit().await?;
            Ok((inserted, completions))
        })
        .await
    }

    pub(in crate::store) async fn close_batches(
        &self,
        CloseBatches(batches): CloseBatches,
    ) -> Result<Vec<Completion>, Error> {
        self.engine_call(async |conn| {
            let mut tx = conn.begin().await?;
            let completions = close(&mut tx, &batches).await?;
            let queues: Vec<&str> = completions.iter().map(|one| one.row.queue.as_str()).collect();
            sqlx::query(TELL_EACH).bind(queues).execute(&mut *tx).await?;
            tx.commit().await?;
            Ok(completions)
        })
        .await
    }

    pub(in crate::store) async fn batch(&self, id: BatchId) -> Result<Option<StoredBatch>, Error> {
        self.call(async |conn| {
            let mut tx = conn.begin_with("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY").await?;
            let found: Option<(i64, Option<i64>)> = sqlx::query_as(
                "SELECT inserted_at, finished_at FROM mcsv_job_batches WHERE id = $1",
            )
            .bind(id.get())
            .fetch_optional(&mut *tx)
            .await?;
            let counts = sqlx::query_as(
                "SELECT state, count(*) FROM mcsv_jobs WHERE batch_id = $1 GROUP BY state",
            )
            .bind(id.get())
            .fetch_all(&mut *tx)
            .await?;
            tx.rollback().await?;
            let stored =
                |(inserted_at, finished_at)| StoredBatch { inserted_at, finished_at, counts };
            Ok(found.map(stored))
        })
        .await
    }

    pub(in crate::store) async fn overdue_batches(&self) -> Result<Vec<i64>, Error> {
        self.engine_call(async |conn| sqlx::query_scalar(OVERDUE_BATCHES).fetch_all(conn).await)
            .await
    }
}

/// Ends those of these batches of which no job is unfinished, and answers with their completions.
///
/// The rows of the batches are locked first, in the order of their ids. Of two transactions that end
/// the last two jobs, the second then waits for the first, and its next statement sees its job.
pub(super) async fn close(
    conn: &mut PgConnection,
    batches: &[i64],
) -> Result<Vec<Completion>, sqlx::Error> {
    if batches.is_empty() {
        return Ok(Vec::new());
    }
    sqlx::query(
        "SELECT 1 FROM mcsv_job_batches WHERE id = ANY ($1) AND finished_at IS NULL
         ORDER BY id FOR UPDATE",
    )
    .bind(batches)
    .execute(&mut *conn)
    .await?;
    let ended: Vec<Option<String>> = sqlx::query_scalar(
        "UPDATE mcsv_job_batches AS batch SET finished_at = mcsv_jobs_now()
         WHERE id = ANY ($1) AND finished_at IS NULL AND NOT EXISTS (
            SELECT 1 FROM mcsv_jobs WHERE batch_id = batch.id
                AND state IN ('available', 'scheduled', 'executing', 'retryable'))
         RETURNING completion",
    )
    .bind(batches)
    .fetch_all(&mut *conn)
    .await?;
    let rows = ended.iter().flatten().map(|text| Row::from_json(text));
    let rows = rows.collect::<Result<Vec<Row>, sqlx::Error>>()?;
    let mut enqueued = Vec::with_capacity(rows.len());
    for row in rows {
        let inserted = insert(conn, &[&row]).await?.pop();
        enqueued.extend(inserted.map(|inserted| Completion { row, inserted }));
    }
    Ok(enqueued)
}
