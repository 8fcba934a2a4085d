use sqlx::sqlite::SqliteRow;
use sqlx::{FromRow, Row as _};

use super::super::{SqliteStore, now};
use super::json;
use crate::Error;
use crate::new_job::from_millis;
use crate::store::claimed::DepthRow;
use crate::store::{LeaseHolder, Orphan};

impl FromRow<'_, SqliteRow> for Orphan {
    fn from_row(row: &SqliteRow) -> Result<Self, sqlx::Error> {
        Ok(Orphan {
            id: row.try_get("id")?,
            fence: row.try_get("fence")?,
            owner: row.try_get("lease_owner")?,
            kind: row.try_get("kind")?,
            args: row.try_get("args")?,
            attempt: row.try_get("attempt")?,
            max_attempts: row.try_get("max_attempts")?,
            lease_until: row.try_get("lease_until")?,
            age: from_millis(row.try_get("age")?),
            traceparent: row.try_get("traceparent")?,
            tracestate: row.try_get("tracestate")?,
            key_id: row.try_get("key_id")?,
            is_logged: row.try_get("is_logged")?,
        })
    }
}

impl SqliteStore {
    pub(in crate::store) async fn lease_holders(&self) -> Result<Vec<LeaseHolder>, Error> {
        let holders = sqlx::query_as(concat!(
            "SELECT queue, lease_owner AS owner, min(lease_until) <= ",
            now!(),
            " AS expired FROM mcsv_jobs WHERE state = 'executing' GROUP BY queue, lease_owner"
        ))
        .fetch_all(&self.readers)
        .await?;
        Ok(holders)
    }

    pub(in crate::store) async fn orphans(
        &self,
        queue: &str,
        dead: &[String],
    ) -> Result<Vec<Orphan>, Error> {
        let orphans = sqlx::query_as(concat!(
            "SELECT id, fence, lease_owner, kind, args, attempt, max_attempts, lease_until,
                traceparent, tracestate, key_id, is_logged <> 0 AS is_logged, ",
            now!(),
            " - budget_from AS age FROM mcsv_jobs
             WHERE queue = ?1 AND state = 'executing' AND (lease_until <= ",
            now!(),
            " OR lease_owner IN (SELECT value FROM json_each(?2))) LIMIT 500"
        ))
        .bind(queue)
        .bind(json(dead)?)
        .fetch_all(&self.readers)
        .await?;
        Ok(orphans)
    }

    pub(in crate::store) async fn depths(&self) -> Result<Vec<DepthRow>, Error> {
        Ok(sqlx::query_as(DEPTHS).fetch_all(&self.readers).await?)
    }
}

/// From the partial indexes, which hold what is unfinished.
pub(in crate::store) const DEPTHS: &str = concat!(
    "SELECT queue, kind, state, count, ",
    now!(),
    " - since AS oldest FROM (
        SELECT queue, kind, 'available' AS state, count(*) AS count, min(scheduled_at) AS since
        FROM mcsv_jobs INDEXED BY mcsv_jobs_ready WHERE state = 'available' GROUP BY queue, kind
        UNION ALL
        SELECT queue, kind, 'executing', count(*), min(scheduled_at)
        FROM mcsv_jobs INDEXED BY mcsv_jobs_leases WHERE state = 'executing' GROUP BY queue, kind
        UNION ALL
        SELECT queue, kind, state, count(*), min(scheduled_at)
        FROM mcsv_jobs INDEXED BY mcsv_jobs_due
        WHERE state IN ('scheduled', 'retryable') GROUP BY queue, kind, state)
     ORDER BY queue, kind, state"
);
