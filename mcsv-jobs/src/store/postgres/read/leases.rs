use sqlx::postgres::PgRow;
use sqlx::{FromRow, Row as _};

use super::super::PostgresStore;
use super::super::claim::number;
use crate::Error;
use crate::new_job::from_millis;
use crate::store::claimed::DepthRow;
use crate::store::{LeaseHolder, Orphan};

impl FromRow<'_, PgRow> for Orphan {
    fn from_row(row: &PgRow) -> Result<Self, sqlx::Error> {
        Ok(Orphan {
            id: row.try_get("id")?,
            fence: row.try_get("fence")?,
            owner: row.try_get("lease_owner")?,
            kind: row.try_get("kind")?,
            args: row.try_get("args")?,
            attempt: number(row, "attempt")?,
            max_attempts: number(row, "max_attempts")?,
            lease_until: row.try_get("lease_until")?,
            age: from_millis(row.try_get("age")?),
            traceparent: row.try_get("traceparent")?,
            tracestate: row.try_get("tracestate")?,
            key_id: row.try_get("key_id")?,
            is_logged: row.try_get("is_logged")?,
        })
    }
}

impl PostgresStore {
    pub(in crate::store) async fn lease_holders(&self) -> Result<Vec<LeaseHolder>, Error> {
        let holders = sqlx::query_as(
            "SELECT queue, lease_owner AS owner,
                min(lease_until) <= (SELECT mcsv_jobs_now()) AS expired
             FROM mcsv_jobs WHERE state = 'executing' GROUP BY queue, lease_owner",
        );
        self.engine_call(async |conn| holders.fetch_all(conn).await).await
    }

    /// Those that somebody is about to end are left alone: to write their ends would wait for him.
    pub(in crate::store) async fn orphans(
        &self,
        queue: &str,
        dead: &[String],
    ) -> Result<Vec<Orphan>, Error> {
        let orphans = sqlx::query_as(
            "SELECT id, fence, lease_owner, kind, args, attempt, max_attempts, lease_until,
                traceparent, tracestate, key_id, is_logged,
                (SELECT mcsv_jobs_now()) - budget_from AS age FROM mcsv_jobs
             WHERE queue = $1 AND state = 'executing'
                AND (lease_until <= (SELECT mcsv_jobs_now()) OR lease_owner = ANY ($2))
             LIMIT 500 FOR UPDATE SKIP LOCKED",
        )
        .bind(queue)
        .bind(dead);
        self.engine_call(async |conn| orphans.fetch_all(conn).await).await
    }

    pub(in crate::store) async fn depths(&self) -> Result<Vec<DepthRow>, Error> {
        let depths = sqlx::query_as(DEPTHS);
        self.engine_call(async |conn| depths.fetch_all(conn).await).await
    }
}

/// The states are written out where they can be: what is not in an index is read from the row.
pub(in crate::store) const DEPTHS: &str = "
    SELECT queue, kind, state, count, (SELECT mcsv_jobs_now()) - since AS oldest FROM (
        SELECT queue, kind, 'available' AS state, count(*) AS count, min(scheduled_at) AS since
        FROM mcsv_jobs WHERE state = 'available' GROUP BY queue, kind
        UNION ALL
        SELECT queue, kind, 'executing', count(*), min(scheduled_at)
        FROM mcsv_jobs WHERE state = 'executing' GROUP BY queue, kind
        UNION ALL
        SELECT queue, kind, state, count(*), min(scheduled_at)
        FROM mcsv_jobs WHERE state IN ('scheduled', 'retryable') GROUP BY queue, kind, state
    ) AS unfinished ORDER BY queue, kind, state";
