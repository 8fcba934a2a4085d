use std::pin::Pin;

use sqlx::SqliteConnection;

use super::batch::close;
use super::enqueue::json;
use super::unlogged::begin_log;
use super::{Write, now};
use crate::store::{Cancel, CancelReply, Requeue, RequeueWhich, key_comes_back};

impl Write for Cancel {
    type Reply = Option<CancelReply>;

    fn apply<'a>(
        &'a self,
        conn: &'a mut SqliteConnection,
    ) -> Pin<Box<dyn Future<Output = Result<Self::Reply, sqlx::Error>> + Send + 'a>> {
        Box::pin(async move {
            let id = self.0.get();
            begin_log(conn, &[id]).await?;
            let changed: Option<(String, Option<i64>)> = sqlx::query_as(concat!(
                "UPDATE mcsv_jobs SET
                    cancel = state = 'executing',
                    finished_at = iif(state = 'executing', NULL, ",
                now!(),
                "),
                    state = iif(state = 'executing', state, 'cancelled')
                 WHERE id = ?1 AND cancel = 0
                    AND state IN ('available', 'scheduled', 'executing', 'retryable')
                 RETURNING state, iif(finished_at IS NULL, NULL, batch_id)"
            ))
            .bind(id)
            .fetch_optional(&mut *conn)
            .await?;
            if changed.is_some() {
                log_cancel(conn, id).await?;
            }
            let state: Option<String> =
                sqlx::query_scalar("SELECT state FROM mcsv_jobs WHERE id = ?1")
                    .bind(id)
                    .fetch_optional(&mut *conn)
                    .await?;
            let Some(state) = state else { return Ok(None) };
            let state =
                state.parse().map_err(|error: crate::Error| sqlx::Error::Decode(error.into()))?;
            let completions = match changed {
                Some((_, Some(batch))) => close(conn, &[batch]).await?,
                _ => Vec::new(),
            };
            Ok(Some(CancelReply { state, changed: changed.is_some(), completions }))
        })
    }
}

async fn log_cancel(conn: &mut SqliteConnection, id: i64) -> Result<(), sqlx::Error> {
    sqlx::query(concat!(
        "INSERT INTO mcsv_job_events (job_id, at, transition, state, attempt, worker)
         SELECT id, coalesce(finished_at, ",
        now!(),
        "), iif(state = 'executing', 'cancel_requested', 'cancelled'), state, attempt,
            coalesce(lease_owner, '')
         FROM mcsv_jobs WHERE id = ?1"
    ))
    .bind(id)
    .execute(conn)
    .await?;
    Ok(())
}

impl Write for Requeue {
    /// The queues of the jobs that were put back, one entry per job.
    type Reply = Vec<String>;

    fn apply<'a>(
        &'a self,
        conn: &'a mut SqliteConnection,
    ) -> Pin<Box<dyn Future<Output = Result<Self::Reply, sqlx::Error>> + Send + 'a>> {
        Box::pin(async move {
            let ids = match &self.0 {
                RequeueWhich::One(id) => vec![id.get()],
                RequeueWhich::Matching(filter) => super::read::ids(conn, filter).await?,
            };
            // A job whose unique key is taken by now stays ended, hence OR IGNORE, and of several with
            // one key the newest goes back.
            let back: Vec<(i64, String)> = sqlx::query_as(concat!(
                "WITH chosen AS MATERIALIZED (
                    SELECT id, kind, unique_key, unique_from, ",
                key_comes_back!(),
                " AS is_unique
                    FROM mcsv_jobs WHERE id IN (SELECT value FROM json_each(?1))
                        AND state IN ('completed', 'discarded', 'cancelled')
                 ), single AS MATERIALIZED (
                    SELECT max(id) AS id FROM chosen GROUP BY kind, unique_from,
                        iif(is_unique, unique_key, NULL), iif(is_unique, NULL, id)
                 )
                 UPDATE OR IGNORE mcsv_jobs SET state = 'available', attempt = 0, cancel = 0,
                    finished_at = NULL, scheduled_at = ",
                now!(),
                ", budget_from = ",
                now!(),
                " WHERE id IN (SELECT id FROM single) RETURNING id, queue"
            ))
            .bind(json(&ids)?)
            .fetch_all(&mut *conn)
            .await?;
            let ids: Vec<i64> = back.iter().map(|(id, _)| *id).collect();
            sqlx::query(concat!(
                "INSERT INTO mcsv_job_events (job_id, at, transition, state, attempt)
                 SELECT mcsv_jobs.id, ",
                now!(),
                ", 'requeued', state, attempt FROM json_each(?1) JOIN mcsv_jobs ON mcsv_jobs.id = value"
            ))
            .bind(json(&ids)?)
            .execute(conn)
            .await?;
            Ok(back.into_iter().map(|(_, queue)| queue).collect())
        })
    }
}
