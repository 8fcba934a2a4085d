use sqlx::{Connection as _, PgConnection};

use super::super::PostgresStore;
use crate::store::{AUDIT_STEP, Audited, Standing, VANISHED};
use crate::{Error, Event};

impl PostgresStore {
    /// The next rows after the id `after`, with their events.
    pub(in crate::store) async fn audit(&self, after: i64) -> Result<Vec<Audited>, Error> {
        self.long_call(async |conn| audit(conn, after).await).await
    }

    pub(in crate::store) async fn logs(&self, ids: &[i64]) -> Result<Vec<Event>, Error> {
        let events = sqlx::query_as(
            "SELECT job_id, sequence, at, transition, state, attempt, worker, detail
             FROM mcsv_job_events WHERE job_id = ANY ($1) ORDER BY job_id, sequence",
        )
        .bind(ids);
        self.engine_call(async |conn| events.fetch_all(conn).await).await
    }

    /// The next jobs after the id `after` that have no row and have not ended.
    pub(in crate::store) async fn vanished(&self, after: i64) -> Result<Vec<(i64, String)>, Error> {
        let vanished = sqlx::query_as(VANISHED).bind(after).bind(AUDIT_STEP);
        self.long_call(async |conn| vanished.fetch_all(conn).await).await
    }
}

async fn audit(conn: &mut PgConnection, after: i64) -> Result<Vec<Audited>, sqlx::Error> {
    let mut tx = conn.begin_with("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY").await?;
    let rows: Vec<Standing> = sqlx::query_as(
        "SELECT id, state, attempt, fence, inserted_at, attempted_at, attempted_by, lease_owner,
            finished_at, cancel, is_logged, errors::TEXT AS errors
         FROM mcsv_jobs WHERE id > $1 ORDER BY id LIMIT $2",
    )
    .bind(after)
    .bind(AUDIT_STEP)
    .fetch_all(&mut *tx)
    .await?;
    let last = rows.last().map_or(after, |row| row.id);
    let events: Vec<Event> = sqlx::query_as(
        "SELECT job_id, sequence, at, transition, state, attempt, worker, detail
         FROM mcsv_job_events WHERE job_id > $1 AND job_id <= $2
         ORDER BY job_id, sequence",
    )
    .bind(after)
    .bind(last)
    .fetch_all(&mut *tx)
    .await?;
    tx.rollback().await?;
    Ok(Audited::join(rows, events))
}
