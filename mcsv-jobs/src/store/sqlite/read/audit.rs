use super::super::SqliteStore;
use super::json;
use crate::store::{AUDIT_STEP, Audited, Standing, VANISHED};
use crate::{Error, Event};

impl SqliteStore {
    /// The next rows after the id `after`, with their events.
    pub(in crate::store) async fn audit(&self, after: i64) -> Result<Vec<Audited>, Error> {
        // One transaction is one snapshot.
        let mut tx = self.readers.begin().await?;
        let rows: Vec<Standing> = sqlx::query_as(
            "SELECT id, state, attempt, fence, inserted_at, attempted_at, attempted_by, lease_owner,
                finished_at, cancel <> 0 AS cancel, is_logged <> 0 AS is_logged, errors
             FROM mcsv_jobs WHERE id > ?1 ORDER BY id LIMIT ?2",
        )
        .bind(after)
        .bind(AUDIT_STEP)
        .fetch_all(&mut *tx)
        .await?;
        let last = rows.last().map_or(after, |row| row.id);
        let events: Vec<Event> = sqlx::query_as(
            "SELECT sequence, job_id, at, transition, state, attempt, worker, detail
             FROM mcsv_job_events WHERE job_id > ?1 AND job_id <= ?2
             ORDER BY job_id, sequence",
        )
        .bind(after)
        .bind(last)
        .fetch_all(&mut *tx)
        .await?;
        tx.rollback().await?;
        Ok(Audited::join(rows, events))
    }

    pub(in crate::store) async fn logs(&self, ids: &[i64]) -> Result<Vec<Event>, Error> {
        let events = sqlx::query_as(
            "SELECT sequence, job_id, at, transition, state, attempt, worker, detail
             FROM mcsv_job_events WHERE job_id IN (SELECT value FROM json_each(?1))
             ORDER BY job_id, sequence",
        )
        .bind(json(ids)?)
        .fetch_all(&self.readers)
        .await?;
        Ok(events)
    }

    /// The next jobs after the id `after` that have no row and have not ended.
    pub(in crate::store) async fn vanished(&self, after: i64) -> Result<Vec<(i64, String)>, Error> {
        Ok(sqlx::query_as(VANISHED).bind(after).bind(AUDIT_STEP).fetch_all(&self.readers).await?)
    }
}
