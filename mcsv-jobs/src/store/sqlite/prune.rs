use std::pin::Pin;

use sqlx::SqliteConnection;

use super::{Write, now};
use crate::Pruned;
use crate::new_job::millis;
use crate::store::{PRUNE_STEP, Prune};

impl Write for Prune {
    type Reply = Pruned;

    fn apply<'a>(
        &'a self,
        conn: &'a mut SqliteConnection,
    ) -> Pin<Box<dyn Future<Output = Result<Pruned, sqlx::Error>> + Send + 'a>> {
        Box::pin(async move {
            let jobs = sqlx::query(concat!(
                "DELETE FROM mcsv_jobs WHERE id IN (
                    SELECT id FROM mcsv_jobs AS job
                    WHERE finished_at IS NOT NULL AND finished_at < ",
                now!(),
                " - ?1 AND NOT EXISTS (SELECT 1 FROM mcsv_job_batches AS batch
                        WHERE batch.id = job.batch_id AND batch.finished_at IS NULL)
                    ORDER BY finished_at LIMIT ?2)"
            ))
            .bind(millis(self.finished_older_than))
            .bind(i64::try_from(PRUNE_STEP).unwrap_or(i64::MAX))
            .execute(&mut *conn)
            .await?
            .rows_affected();
            sqlx::query(concat!(
                "DELETE FROM mcsv_job_batches WHERE id IN (
                    SELECT id FROM mcsv_job_batches
                    WHERE finished_at IS NOT NULL AND finished_at < ",
                now!(),
                " - ?1 ORDER BY finished_at LIMIT ?2)"
            ))
            .bind(millis(self.finished_older_than))
            .bind(i64::try_from(PRUNE_STEP).unwrap_or(i64::MAX))
            .execute(&mut *conn)
            .await?;
            // The log is in the order of time, so the oldest events are the first rows. Those of a
            // job that still exists stay: its row must remain explainable. The others go by the last
            // of their job, all of them at once: half a life is none that a job can have.
            let events = sqlx::query(concat!(
                "DELETE FROM mcsv_job_events WHERE job_id IN (
                    SELECT job_id FROM mcsv_job_events AS e
                    WHERE at < ",
                now!(),
                " - ?1 AND NOT EXISTS (SELECT 1 FROM mcsv_jobs WHERE id = e.job_id)
                        AND (SELECT last.at FROM mcsv_job_events AS last
                            WHERE last.job_id = e.job_id ORDER BY last.sequence DESC LIMIT 1) < ",
                now!(),
                " - ?1 ORDER BY sequence LIMIT ?2)"
            ))
            .bind(millis(self.events_older_than))
            .bind(i64::try_from(PRUNE_STEP).unwrap_or(i64::MAX))
            .execute(conn)
            .await?
            .rows_affected();
            Ok(Pruned { jobs, events })
        })
    }
}
