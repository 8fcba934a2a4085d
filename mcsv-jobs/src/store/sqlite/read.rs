use sqlx::sqlite::SqliteRow;
use sqlx::{FromRow, QueryBuilder, Row as _, Sqlite, SqliteConnection};

use super::enqueue::json;
use super::{SqliteStore, now};
use crate::record::time;
use crate::store::record_columns;
use crate::{Error, Event, Filter, JobId, JobRecord, State};

mod audit;
pub(super) mod leases;
pub(super) mod log;
mod row;

impl SqliteStore {
    pub(in crate::store) async fn get(&self, id: JobId) -> Result<Option<JobRecord>, Error> {
        let record =
            sqlx::query_as(concat!("SELECT ", record_columns!(), " FROM mcsv_jobs WHERE id = ?1"))
                .bind(id.get())
                .fetch_optional(&self.readers)
                .await?;
        Ok(record)
    }

    /// Up to `limit` jobs that match, the newest first.
    pub(in crate::store) async fn list(
        &self,
        filter: &Filter,
        limit: u32,
    ) -> Result<Vec<JobRecord>, Error> {
        let mut query =
            QueryBuilder::new(concat!("SELECT ", record_columns!(), " FROM mcsv_jobs WHERE true"));
        conditions(&mut query, filter)?;
        query.push(" ORDER BY id DESC LIMIT ").push_bind(i64::from(limit));
        Ok(query.build_query_as().fetch_all(&self.readers).await?)
    }

    pub(in crate::store) async fn counts(
        &self,
        queue: Option<&str>,
    ) -> Result<Vec<(String, String, i64)>, Error> {
        let counts = sqlx::query_as(
            // One index for each: together they hold every job once.
            "SELECT queue, state, count(*) FROM mcsv_jobs INDEXED BY mcsv_jobs_ended
             WHERE finished_at IS NOT NULL AND (?1 IS NULL OR queue = ?1) GROUP BY state, queue
             UNION ALL
             SELECT queue, 'available', count(*) FROM mcsv_jobs INDEXED BY mcsv_jobs_ready
             WHERE state = 'available' AND (?1 IS NULL OR queue = ?1) GROUP BY queue
             UNION ALL
             SELECT queue, 'executing', count(*) FROM mcsv_jobs INDEXED BY mcsv_jobs_leases
             WHERE state = 'executing' AND (?1 IS NULL OR queue = ?1) GROUP BY queue
             UNION ALL
             SELECT queue, state, count(*) FROM mcsv_jobs INDEXED BY mcsv_jobs_due
             WHERE state IN ('scheduled', 'retryable') AND (?1 IS NULL OR queue = ?1)
             GROUP BY state, queue
             ORDER BY 1, 2",
        )
        .bind(queue)
        .fetch_all(&self.readers)
        .await?;
        Ok(counts)
    }

    pub(in crate::store) async fn events(&self, id: JobId) -> Result<Vec<Event>, Error> {
        let events = sqlx::query_as(
            "SELECT sequence, job_id, at, transition, state, attempt, worker, detail
             FROM mcsv_job_events WHERE job_id = ?1 ORDER BY sequence",
        )
        .bind(id.get())
        .fetch_all(&self.readers)
        .await?;
        Ok(events)
    }

    /// Which of `keys` an unfinished job of `kind` has.
    pub(in crate::store) async fn keys_unfinished(
        &self,
        kind: &str,
        keys: &[String],
    ) -> Result<Vec<String>, Error> {
        let found = sqlx::query_scalar(
            "SELECT unique_key FROM mcsv_jobs
             WHERE kind = ?1 AND unique_key IN (SELECT value FROM json_each(?2))
               AND unique_key IS NOT NULL
               AND state IN ('available', 'scheduled', 'executing', 'retryable')",
        )
        .bind(kind)
        .bind(json(keys)?)
        .fetch_all(&self.readers)
        .await?;
        Ok(found)
    }

    /// The database's clock, in milliseconds since 1970.
    pub(in crate::store) async fn now(&self) -> Result<i64, Error> {
        self.check_file()?;
        Ok(sqlx::query_scalar(concat!("SELECT ", now!())).fetch_one(&self.readers).await?)
    }
}

/// The ended jobs that match: what a replay puts back.
pub(super) async fn ids(
    conn: &mut SqliteConnection,
    filter: &Filter,
) -> Result<Vec<i64>, sqlx::Error> {
    let mut query = QueryBuilder::new(
        "SELECT id FROM mcsv_jobs WHERE state IN ('completed', 'discarded', 'cancelled')",
    );
    conditions(&mut query, filter)?;
    query.push(" ORDER BY id DESC");
    if let Some(limit) = filter.limit {
        query.push(" LIMIT ").push_bind(i64::from(limit));
    }
    query.build_query_scalar().fetch_all(conn).await
}

fn conditions(query: &mut QueryBuilder<Sqlite>, filter: &Filter) -> Result<(), sqlx::Error> {
    if let Some(queue) = &filter.queue {
        query.push(" AND queue = ").push_bind(queue.clone());
    }
    if let Some(kind) = &filter.kind {
        query.push(" AND kind = ").push_bind(kind.clone());
    }
    if filter.is_of_unfinished() {
        query.push(
            " AND id IN (
                SELECT id FROM mcsv_jobs INDEXED BY mcsv_jobs_ready WHERE state = 'available'
                UNION ALL
                SELECT id FROM mcsv_jobs INDEXED BY mcsv_jobs_leases WHERE state = 'executing'
                UNION ALL
                SELECT id FROM mcsv_jobs INDEXED BY mcsv_jobs_due
                WHERE state IN ('scheduled', 'retryable'))",
        );
    }
    if filter.is_of_ended() {
        query.push(" AND finished_at IS NOT NULL");
    }
    if !filter.states.is_empty() {
        let states: Vec<&str> = filter.states.iter().map(|state| state.as_str()).collect();
        query.push(" AND state IN (SELECT value FROM json_each(");
        query.push_bind(json(&states)?).push("))");
    }
    if let Some(error) = &filter.error {
        query.push(" AND EXISTS (SELECT 1 FROM json_each(errors) WHERE instr(value ->> 'error', ");
        query.push_bind(error.clone()).push("))");
    }
    if let Some(keys) = &filter.keys {
        query.push(" AND unique_key IN (SELECT value FROM json_each(");
        query.push_bind(json(keys)?).push("))");
    }
    if let Some(batch) = filter.batch {
        query.push(" AND batch_id = ").push_bind(batch.get());
    }
    if let Some(from) = filter.finished_from {
        query.push(" AND finished_at >= ").push_bind(from);
    }
    if let Some(until) = filter.finished_until {
        query.push(" AND finished_at < ").push_bind(until);
    }
    if let Some(page) = &filter.page {
        query.push(" AND id < ").push_bind(page.before_id());
    }
    Ok(())
}

impl FromRow<'_, SqliteRow> for Event {
    fn from_row(row: &SqliteRow) -> Result<Self, sqlx::Error> {
        Ok(Event {
            sequence: row.try_get("sequence")?,
            job: row::job_id(row, "job_id")?,
            at: time(row.try_get("at")?),
            transition: row::parsed(row, "transition")?,
            state: row::parsed::<State>(row, "state")?,
            attempt: row.try_get("attempt")?,
            worker: row.try_get("worker")?,
            detail: row.try_get("detail")?,
        })
    }
}
