use sqlx::postgres::PgRow;
use sqlx::{FromRow, PgConnection, Postgres, QueryBuilder, Row as _};

use super::PostgresStore;
use super::claim::number;
use crate::record::time;
use crate::store::record_columns;
use crate::{Error, Event, Filter, JobId, JobRecord, State};

mod audit;
pub(super) mod leases;
pub(super) mod log;
mod row;

impl PostgresStore {
    pub(in crate::store) async fn get(&self, id: JobId) -> Result<Option<JobRecord>, Error> {
        let record =
            sqlx::query_as(concat!("SELECT ", record_columns!(), " FROM mcsv_jobs WHERE id = $1"))
                .bind(id.get());
        self.call(async |conn| record.fetch_optional(conn).await).await
    }

    pub(in crate::store) async fn list(
        &self,
        filter: &Filter,
        limit: u32,
    ) -> Result<Vec<JobRecord>, Error> {
        let mut query =
            QueryBuilder::new(concat!("SELECT ", record_columns!(), " FROM mcsv_jobs WHERE true"));
        conditions(&mut query, filter);
        query.push(" ORDER BY id DESC LIMIT ").push_bind(i64::from(limit));
        self.long_call(async |conn| query.build_query_as().fetch_all(conn).await).await
    }

    pub(in crate::store) async fn counts(
        &self,
        queue: Option<&str>,
    ) -> Result<Vec<(String, String, i64)>, Error> {
        let counts = sqlx::query_as(
            // One index for each: together they hold every job once.
            "SELECT queue, state, count(*) FROM mcsv_jobs
             WHERE finished_at IS NOT NULL AND ($1 IS NULL OR queue = $1) GROUP BY state, queue
             UNION ALL
             SELECT queue, 'available', count(*) FROM mcsv_jobs
             WHERE state = 'available' AND ($1 IS NULL OR queue = $1) GROUP BY queue
             UNION ALL
             SELECT queue, 'executing', count(*) FROM mcsv_jobs
             WHERE state = 'executing' AND ($1 IS NULL OR queue = $1) GROUP BY queue
             UNION ALL
             SELECT queue, state, count(*) FROM mcsv_jobs
             WHERE state IN ('scheduled', 'retryable') AND ($1 IS NULL OR queue = $1)
             GROUP BY state, queue
             ORDER BY 1, 2",
        )
        .bind(queue);
        self.long_call(async |conn| counts.fetch_all(conn).await).await
    }

    pub(in crate::store) async fn events(&self, id: JobId) -> Result<Vec<Event>, Error> {
        let events = sqlx::query_as(
            "SELECT job_id, sequence, at, transition, state, attempt, worker, detail
             FROM mcsv_job_events WHERE job_id = $1 ORDER BY sequence",
        )
        .bind(id.get());
        self.call(async |conn| events.fetch_all(conn).await).await
    }

    pub(in crate::store) async fn keys_unfinished(
        &self,
        kind: &str,
        keys: &[String],
    ) -> Result<Vec<String>, Error> {
        let found = sqlx::query_scalar(
            "SELECT unique_key FROM mcsv_jobs
             WHERE kind = $1 AND unique_key = ANY ($2) AND unique_key IS NOT NULL
               AND state IN ('available', 'scheduled', 'executing', 'retryable')",
        )
        .bind(kind)
        .bind(keys);
        self.call(async |conn| found.fetch_all(conn).await).await
    }

    pub(in crate::store) async fn now(&self) -> Result<i64, Error> {
        let now = sqlx::query_scalar("SELECT mcsv_jobs_now()");
        self.engine_call(async |conn| now.fetch_one(conn).await).await
    }
}

/// The ended jobs that match: what a replay puts back.
pub(super) async fn ids(conn: &mut PgConnection, filter: &Filter) -> Result<Vec<i64>, sqlx::Error> {
    let mut query = QueryBuilder::new(
        "SELECT id FROM mcsv_jobs WHERE state IN ('completed', 'discarded', 'cancelled')",
    );
    conditions(&mut query, filter);
    query.push(" ORDER BY id DESC");
    if let Some(limit) = filter.limit {
        query.push(" LIMIT ").push_bind(i64::from(limit));
    }
    query.build_query_scalar().fetch_all(conn).await
}

fn conditions(query: &mut QueryBuilder<Postgres>, filter: &Filter) {
    if let Some(queue) = &filter.queue {
        query.push(" AND queue = ").push_bind(queue.clone());
    }
    if let Some(kind) = &filter.kind {
        query.push(" AND kind = ").push_bind(kind.clone());
    }
    if filter.is_of_unfinished() {
        query.push(
            " AND (state = 'available' OR state = 'executing'
                OR state IN ('scheduled', 'retryable'))",
        );
    }
    if filter.is_of_ended() {
        query.push(" AND finished_at IS NOT NULL");
    }
    if !filter.states.is_empty() {
        let states: Vec<&str> = filter.states.iter().map(|state| state.as_str()).collect();
        query.push(" AND state = ANY (").push_bind(states).push(")");
    }
    if let Some(error) = &filter.error {
        query.push(
            " AND EXISTS (SELECT 1 FROM jsonb_array_elements(errors) AS one
                WHERE strpos(one ->> 'error', ",
        );
        query.push_bind(error.clone()).push(") > 0)");
    }
    if let Some(keys) = &filter.keys {
        query.push(" AND unique_key = ANY (").push_bind(keys.clone()).push(")");
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
}

impl FromRow<'_, PgRow> for Event {
    fn from_row(row: &PgRow) -> Result<Self, sqlx::Error> {
        Ok(Event {
            sequence: row.try_get("sequence")?,
            job: row::job_id(row, "job_id")?,
            at: time(row.try_get("at")?),
            transition: row::parsed(row, "transition")?,
            state: row::parsed::<State>(row, "state")?,
            attempt: number(row, "attempt")?,
            worker: row.try_get("worker")?,
            detail: row.try_get("detail")?,
        })
    }
}
