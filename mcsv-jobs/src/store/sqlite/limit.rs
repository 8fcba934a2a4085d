use std::collections::BTreeMap;
use std::pin::Pin;

use sqlx::SqliteConnection;

use super::claim::take;
use super::{SqliteStore, Write, now};
use crate::limits::{Candidate, LimitColumns, QueueLimits};
use crate::store::{Claim, Claimed, Counted, LIMITED_WINDOW, SetLimits};
use crate::{Error, Limits};

impl Write for SetLimits {
    type Reply = ();

    fn apply<'a>(
        &'a self,
        conn: &'a mut SqliteConnection,
    ) -> Pin<Box<dyn Future<Output = Result<(), sqlx::Error>> + Send + 'a>> {
        Box::pin(async move {
            if self.limits.is_none() {
                sqlx::query("DELETE FROM mcsv_job_limits WHERE queue = ?1")
                    .bind(&self.queue)
                    .execute(conn)
                    .await?;
                return Ok(());
            }
            let columns = self.limits.to_columns();
            sqlx::query("INSERT OR REPLACE INTO mcsv_job_limits VALUES (?1, ?2, ?3, ?4, ?5)")
                .bind(&self.queue)
                .bind(columns.running)
                .bind(columns.per_partition)
                .bind(columns.starts)
                .bind(columns.period)
                .execute(conn)
                .await?;
            Ok(())
        })
    }
}

impl SqliteStore {
    pub(in crate::store) async fn limits(&self) -> Result<BTreeMap<String, Limits>, Error> {
        let rows: Vec<QueueLimits> = sqlx::query_as(
            "SELECT queue, running, per_partition, starts, period FROM mcsv_job_limits",
        )
        .fetch_all(&self.readers)
        .await?;
        let limits = rows.into_iter().map(|row| (row.queue, Limits::from(row.limits)));
        Ok(limits.collect())
    }
}

/// The limits of a queue; none if it has none.
pub(super) async fn of(
    conn: &mut SqliteConnection,
    queue: &str,
) -> Result<Option<Limits>, sqlx::Error> {
    let columns: Option<LimitColumns> = sqlx::query_as(
        "SELECT running, per_partition, starts, period FROM mcsv_job_limits WHERE queue = ?1",
    )
    .bind(queue)
    .fetch_optional(conn)
    .await?;
    Ok(columns.map(Limits::from))
}

impl Counted for SqliteConnection {
    async fn next_due(&mut self, queue: &str) -> Result<Option<i64>, sqlx::Error> {
        sqlx::query_scalar(concat!(
            "SELECT min(scheduled_at) - ",
            now!(),
            " FROM mcsv_jobs WHERE queue = ?1 AND state IN ('scheduled', 'retryable')
                AND scheduled_at > ",
            now!(),
        ))
        .bind(queue)
        .fetch_one(self)
        .await
    }

    async fn running(&mut self, queue: &str) -> Result<i64, sqlx::Error> {
        sqlx::query_scalar(
            "SELECT count(*) FROM mcsv_jobs WHERE queue = ?1 AND state = 'executing'",
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
        sqlx::query(concat!(
            "DELETE FROM mcsv_job_starts WHERE queue = ?1 AND at <= ",
            now!(),
            " - ?2"
        ))
        .bind(queue)
        .bind(period)
        .execute(&mut *self)
        .await?;
        sqlx::query_as(concat!(
            "SELECT coalesce(sum(started), 0), min(at) + ?2 - ",
            now!(),
            " FROM mcsv_job_starts WHERE queue = ?1"
        ))
        .bind(queue)
        .bind(period)
        .fetch_one(self)
        .await
    }

    async fn count_starts(&mut self, queue: &str, claimed: usize) -> Result<(), sqlx::Error> {
        sqlx::query(concat!("INSERT INTO mcsv_job_starts VALUES (?1, ", now!(), ", ?2)"))
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
        sqlx::query_as(concat!(
            "WITH running AS MATERIALIZED (
                SELECT partition_key, count(*) AS jobs FROM mcsv_jobs
                WHERE queue = ?1 AND state = 'executing' AND partition_key IS NOT NULL
                GROUP BY partition_key
             ), waiting AS (
                SELECT * FROM (
                    SELECT id, partition_key, priority, scheduled_at FROM mcsv_jobs
                    WHERE queue = ?1 AND state = 'available'
                        AND NOT EXISTS (SELECT 1 FROM running
                            WHERE running.partition_key = mcsv_jobs.partition_key AND jobs >= ?2)
                    ORDER BY priority DESC, scheduled_at, id LIMIT +?3)
                UNION ALL
                SELECT * FROM (
                    SELECT id, partition_key, priority, scheduled_at FROM mcsv_jobs
                    WHERE queue = ?1 AND state IN ('scheduled', 'retryable') AND scheduled_at <= ",
            now!(),
            "           AND NOT EXISTS (SELECT 1 FROM running
                            WHERE running.partition_key = mcsv_jobs.partition_key AND jobs >= ?2)
                    ORDER BY scheduled_at LIMIT +?3)
             )
             SELECT id, partition_key, coalesce(
                (SELECT jobs FROM running WHERE running.partition_key = waiting.partition_key), 0)
                AS running
             FROM waiting WHERE NOT EXISTS (SELECT 1 FROM mcsv_job_pauses WHERE queue = ?1)
             ORDER BY priority DESC, scheduled_at, id LIMIT +?3"
        ))
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
