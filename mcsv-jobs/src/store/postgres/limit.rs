use std::collections::BTreeMap;

use sqlx::PgConnection;

use super::PostgresStore;
use super::claim::take;
use crate::limits::{Candidate, LimitColumns, QueueLimits};
use crate::store::{Claim, Claimed, Counted, LIMITED_WINDOW, SetLimits};
use crate::{Error, Limits};

impl PostgresStore {
    pub(in crate::store) async fn limit(&self, set: SetLimits) -> Result<(), Error> {
        if set.limits.is_none() {
            let delete =
                sqlx::query("DELETE FROM mcsv_job_limits WHERE queue = $1").bind(&set.queue);
            return self.call(async |conn| delete.execute(conn).await.map(drop)).await;
        }
        let columns = set.limits.to_columns();
        let set = sqlx::query(
            "INSERT INTO mcsv_job_limits VALUES ($1, $2, $3, $4, $5)
             ON CONFLICT (queue) DO UPDATE SET running = $2, per_partition = $3, starts = $4,
                period = $5",
        )
        .bind(&set.queue)
        .bind(columns.running)
        .bind(columns.per_partition)
        .bind(columns.starts)
        .bind(columns.period);
        self.call(async |conn| set.execute(conn).await.map(drop)).await
    }

    pub(in crate::store) async fn limits(&self) -> Result<BTreeMap<String, Limits>, Error> {
        let limits = sqlx::query_as(
            "SELECT queue, running, per_partition, starts, period FROM mcsv_job_limits",
        );
        let rows: Vec<QueueLimits> = self.call(async |conn| limits.fetch_all(conn).await).await?;
        let limits = rows.into_iter().map(|row| (row.queue, Limits::from(row.limits)));
        Ok(limits.collect())
    }
}

/// The limits of a queue, locked until the transaction ends; none if it has none.
pub(super) async fn of(
    conn: &mut PgConnection,
    queue: &str,
) -> Result<Option<Limits>, sqlx::Error> {
    let columns: Option<LimitColumns> = sqlx::query_as(
        "SELECT running, per_partition, starts, period FROM mcsv_job_limits WHERE queue = $1
         FOR UPDATE",
    )
    .bind(queue)
    .fetch_optional(conn)
    .await?;
    Ok(columns.map(Limits::from))
}

impl Counted for PgConnection {
    async fn next_due(&mut self, queue: &str) -> Result<Option<i64>, sqlx::Error> {
        sqlx::query_scalar(
            "SELECT min(scheduled_at) - mcsv_jobs_now() FROM mcsv_jobs
             WHERE queue = $1 AND state IN ('scheduled', 'retryable')
                AND scheduled_at > (SELECT mcsv_jobs_now())",
        )
        .bind(queue)
        .fetch_one(self)
        .await
    }

    async fn running(&mut self, queue: &str) -> Result<i64, sqlx::Error> {
        sqlx::query_scalar(
            "SELECT count(*) FROM mcsv_jobs WHERE queue = $1 AND state = 'executing'",
        )
        .bind(queue)
        .fetch_one(self)
        .await
    }

    async fn starts(
        &mut self,
        queue: &str,
        period: i64,
    ) -> Result<(i64, Option<i64>), sqlx::Error> {
        sqlx::query("DELETE FROM mcsv_job_starts WHERE queue = $1 AND at <= mcsv_jobs_now() - $2")
            .bind(queue)
            .bind(period)
            .execute(&mut *self)
            .await?;
        sqlx::query_as(
            "SELECT coalesce(sum(started), 0)::BIGINT, min(at) + $2 - mcsv_jobs_now()
             FROM mcsv_job_starts WHERE queue = $1",
        )
        .bind(queue)
        .bind(period)
        .fetch_one(self)
        .await
    }

    async fn count_starts(&mut self, queue: &str, claimed: usize) -> Result<(), sqlx::Error> {
        sqlx::query("INSERT INTO mcsv_job_starts VALUES ($1, mcsv_jobs_now(), $2)")
            .bind(queue)
            .bind(i64::try_from(claimed).unwrap_or(i64::MAX))
            .execute(self)
            .await?;
        Ok(())
    }

    async fn candidates(
        &mut self,
        claim: &Claim,
        limits: &Limits,
    ) -> Result<Vec<Candidate>, sqlx::Error> {
        sqlx::query_as(
            "WITH running AS MATERIALIZED (
                SELECT partition_key, count(*) AS jobs FROM mcsv_jobs
                WHERE queue = $1 AND state = 'executing' AND partition_key IS NOT NULL
                GROUP BY partition_key
             ), waiting AS (
                SELECT * FROM (
                    SELECT id, partition_key, priority, scheduled_at FROM mcsv_jobs
                    WHERE queue = $1 AND state = 'available'
                        AND NOT EXISTS (SELECT 1 FROM running
                            WHERE running.partition_key = mcsv_jobs.partition_key AND jobs >= $2)
                    ORDER BY priority DESC, scheduled_at, id LIMIT $3) AS ready
                UNION ALL
                SELECT * FROM (
                    SELECT id, partition_key, priority, scheduled_at FROM mcsv_jobs
                    WHERE queue = $1 AND state IN ('scheduled', 'retryable')
                        AND scheduled_at <= (SELECT mcsv_jobs_now())
                        AND NOT EXISTS (SELECT 1 FROM running
                            WHERE running.partition_key = mcsv_jobs.partition_key AND jobs >= $2)
                    ORDER BY scheduled_at LIMIT $3) AS due
             )
             SELECT id, partition_key, coalesce(
                (SELECT jobs FROM running WHERE running.partition_key = waiting.partition_key), 0)
                AS running
             FROM waiting WHERE NOT EXISTS (SELECT 1 FROM mcsv_job_pauses WHERE queue = $1)
             ORDER BY priority DESC, scheduled_at, id LIMIT $3",
        )
        .bind(&claim.queue)
        .bind(limits.running_per_partition().map_or(i64::MAX, i64::from))
        .bind(i64::try_from(LIMITED_WINDOW.max(claim.room)).unwrap_or(i64::MAX))
        .fetch_all(self)
        .await
    }

    async fn take(&mut self, claim: &Claim, ids: &[i64]) -> Result<Vec<Claimed>, sqlx::Error> {
        take(self, ids, &claim.owner, claim.lease).await
    }
}
