use sqlx::PgConnection;

use super::PostgresStore;
use super::enqueue::column;
use crate::store::Report;
use crate::{Error, JobId};

/// Keeps the newest of each job whose lease holds.
pub(super) async fn keep(
    conn: &mut PgConnection,
    owner: &str,
    reports: &[Report],
) -> Result<(), sqlx::Error> {
    if reports.is_empty() {
        return Ok(());
    }
    let reports: Vec<&Report> = reports.iter().collect();
    sqlx::query(
        "INSERT INTO mcsv_job_progress (job_id, at, progress)
         SELECT job.id, mcsv_jobs_now(), given.text
         FROM unnest($1::BIGINT[], $2::BIGINT[], $3::TEXT[]) AS given (id, fence, text)
         JOIN mcsv_jobs AS job ON job.id = given.id
         WHERE job.fence = given.fence AND job.state || '' = 'executing'
            AND job.lease_owner = $4
         ORDER BY job.id
         ON CONFLICT (job_id) DO UPDATE SET at = excluded.at, progress = excluded.progress",
    )
    .bind(column(&reports, |report| report.id))
    .bind(column(&reports, |report| report.fence))
    .bind(column(&reports, |report| report.text.clone()))
    .bind(owner)
    .execute(conn)
    .await?;
    Ok(())
}

impl PostgresStore {
    pub(in crate::store) async fn progress(&self, id: JobId) -> Result<Option<String>, Error> {
        let progress =
            sqlx::query_scalar("SELECT progress FROM mcsv_job_progress WHERE job_id = $1")
                .bind(id.get());
        self.call(async |conn| progress.fetch_optional(conn).await).await
    }
}
