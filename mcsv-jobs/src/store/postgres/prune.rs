use sqlx::PgConnection;

use super::PostgresStore;
use crate::new_job::millis;
use crate::store::{PRUNE_STEP, Prune};
use crate::{Error, Pruned};

impl PostgresStore {
    pub(in crate::store) async fn prune(&self, prune: Prune) -> Result<Pruned, Error> {
        self.long_call(async |conn| step(conn, &prune).await).await
    }
}

async fn step(conn: &mut PgConnection, prune: &Prune) -> Result<Pruned, sqlx::Error> {
    let step = i64::try_from(PRUNE_STEP).unwrap_or(i64::MAX);
    let jobs: i64 = sqlx::query_scalar(
        "WITH pruned AS (
            DELETE FROM mcsv_jobs WHERE id = ANY (ARRAY(
                SELECT id FROM mcsv_jobs AS job
                WHERE finished_at IS NOT NULL AND finished_at < (SELECT mcsv_jobs_now()) - $1
                    AND NOT EXISTS (SELECT 1 FROM mcsv_job_batches AS batch
                        WHERE batch.id = job.batch_id AND batch.finished_at IS NULL)
                ORDER BY finished_at LIMIT $2 FOR UPDATE OF job SKIP LOCKED))
            RETURNING id
         ), forgotten AS (
            DELETE FROM mcsv_job_progress WHERE job_id IN (SELECT id FROM pruned)
         )
         SELECT count(*) FROM pruned",
    )
    .bind(millis(prune.finished_older_than))
    .bind(step)
    .fetch_one(&mut *conn)
    .await?;
    sqlx::query(
        "DELETE FROM mcsv_job_batches WHERE id = ANY (ARRAY(
            SELECT id FROM mcsv_job_batches
            WHERE finished_at IS NOT NULL AND finished_at < (SELECT mcsv_jobs_now()) - $1
            ORDER BY finished_at LIMIT $2 FOR UPDATE SKIP LOCKED))",
    )
    .bind(millis(prune.finished_older_than))
    .bind(step)
    .execute(&mut *conn)
    .await?;
    // Those of a job that still exists stay: its row must remain explainable. The others go by the
    // last of their job, all of them at once: half a life is none that a job can have.
    let events = sqlx::query(
        "DELETE FROM mcsv_job_events WHERE job_id = ANY (ARRAY(
            SELECT job_id FROM mcsv_job_events AS e
            WHERE at < (SELECT mcsv_jobs_now()) - $1
                AND NOT EXISTS (SELECT 1 FROM mcsv_jobs WHERE id = e.job_id)
                AND (SELECT last.at FROM mcsv_job_events AS last
                    WHERE last.job_id = e.job_id ORDER BY last.sequence DESC LIMIT 1)
                    < (SELECT mcsv_jobs_now()) - $1
            ORDER BY transaction_id, sequence LIMIT $2))",
    )
    .bind(millis(prune.events_older_than))
    .bind(step)
    .execute(&mut *conn)
    .await?
    .rows_affected();
    Ok(Pruned { jobs: u64::try_from(jobs).unwrap_or(0), events })
}
