use sqlx::SqliteConnection;

use super::enqueue::json;
use super::{SqliteStore, now};
use crate::store::Report;
use crate::{Error, JobId};

/// Keeps the newest of each job whose lease holds.
pub(super) async fn keep(
    conn: &mut SqliteConnection,
    reports: &[Report],
) -> Result<(), sqlx::Error> {
    if reports.is_empty() {
        return Ok(());
    }
    sqlx::query(concat!(
        "INSERT INTO mcsv_job_progress (job_id, at, progress)
         SELECT mcsv_jobs.id, ",
        now!(),
        ", value ->> 'text' FROM json_each(?1) JOIN mcsv_jobs ON mcsv_jobs.id = value ->> 'id'
         WHERE fence = value ->> 'fence' AND +state = 'executing'
         ON CONFLICT (job_id) DO UPDATE SET at = excluded.at, progress = excluded.progress"
    ))
    .bind(json(reports)?)
    .execute(conn)
    .await?;
    Ok(())
}

impl SqliteStore {
    pub(in crate::store) async fn progress(&self, id: JobId) -> Result<Option<String>, Error> {
        let progress =
            sqlx::query_scalar("SELECT progress FROM mcsv_job_progress WHERE job_id = ?1")
                .bind(id.get())
                .fetch_optional(&self.readers)
                .await?;
        Ok(progress)
    }
}
