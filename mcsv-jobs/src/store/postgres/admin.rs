use sqlx::{Connection as _, PgConnection};

use super::PostgresStore;
use super::connect::outlast_races;
use super::notify::{TELL_ALL, TELL_EACH};
use super::unlogged::begin_log;
use crate::store::{
    Cancel, CancelReply, CloseBatches, Requeue, RequeueWhich, key_comes_back, key_stands,
};
use crate::{Error, State};

impl PostgresStore {
    pub(in crate::store) async fn cancel(
        &self,
        Cancel(id): Cancel,
    ) -> Result<Option<CancelReply>, Error> {
        // The row is locked before it is read: an answer that a race made wrong would be worse
        // than a short wait.
        let cancel = sqlx::query_as(
            "WITH found AS MATERIALIZED (
                SELECT id, state, cancel FROM mcsv_jobs WHERE id = $1 FOR UPDATE
             ), changed AS (
                UPDATE mcsv_jobs AS job SET
                    cancel = found.state = 'executing',
                    logged_in = greatest(logged_in, pg_current_xact_id()),
                    finished_at = CASE WHEN found.state <> 'executing' THEN mcsv_jobs_now() END,
                    state = CASE WHEN found.state = 'executing' THEN found.state
                        ELSE 'cancelled' END
                FROM found WHERE job.id = found.id AND NOT found.cancel
                    AND found.state IN ('available', 'scheduled', 'executing', 'retryable')
                RETURNING job.*
             ), logged AS (
                INSERT INTO mcsv_job_events (job_id, at, transition, state, attempt, worker,
                    transaction_id)
                SELECT id, coalesce(finished_at, mcsv_jobs_now()),
                    CASE WHEN state = 'executing' THEN 'cancel_requested' ELSE 'cancelled' END,
                    state, attempt, coalesce(lease_owner, ''), logged_in
                FROM changed
             )
             SELECT coalesce(changed.state, found.state), changed.id IS NOT NULL,
                CASE WHEN changed.finished_at IS NOT NULL THEN changed.batch_id END
             FROM found LEFT JOIN changed USING (id)",
        )
        .bind(id.get());
        let found: Option<(String, bool, Option<i64>)> = self
            .call(async |conn| {
                let mut tx = conn.begin_with("BEGIN ISOLATION LEVEL READ COMMITTED").await?;
                begin_log(&mut tx, &[id.get()]).await?;
                let found = cancel.fetch_optional(&mut *tx).await?;
                tx.commit().await?;
                Ok(found)
            })
            .await?;
        let Some((state, changed, batch)) = found else { return Ok(None) };
        let state: State = state.parse()?;
        if changed && state == State::Executing {
            // At once and not by the notifier: who calls a job off may be a short-lived command.
            self.call(async |conn| sqlx::query(TELL_ALL).execute(conn).await).await?;
        }
        // The job is called off whatever comes of this: what is left open here is closed later.
        let completions = match batch {
            Some(batch) => self.close_batches(CloseBatches(vec![batch])).await?,
            None => Vec::new(),
        };
        Ok(Some(CancelReply { state, changed, completions }))
    }

    pub(in crate::store) async fn requeue(
        &self,
        Requeue(which): Requeue,
    ) -> Result<Vec<String>, Error> {
        let ask = async |conn: &mut PgConnection| outlast_races!(requeue(conn, &which));
        self.long_call(ask).await
    }
}

async fn requeue(
    conn: &mut PgConnection,
    which: &RequeueWhich,
) -> Result<Vec<String>, sqlx::Error> {
    let mut tx = conn.begin_with("BEGIN ISOLATION LEVEL READ COMMITTED").await?;
    let ids = match which {
        RequeueWhich::One(id) => vec![id.get()],
        RequeueWhich::Matching(filter) => super::read::ids(&mut tx, filter).await?,
    };
    // A job whose unique key is taken by now stays ended, and of several with one key the
    // newest goes back.
    let back: Vec<String> = sqlx::query_scalar(concat!(
        "WITH chosen AS MATERIALIZED (
            SELECT id, kind, unique_key, unique_from, is_unique
            FROM mcsv_jobs AS job, LATERAL (SELECT ",
        key_comes_back!(),
        " AS is_unique) AS key
            WHERE id = ANY ($1) AND state IN ('completed', 'discarded', 'cancelled')
                AND NOT (is_unique
                    AND EXISTS (SELECT 1 FROM mcsv_jobs AS other
                        WHERE other.kind = job.kind AND other.unique_key = job.unique_key
                            AND other.unique_from = job.unique_from AND other.id <> job.id
                            AND ",
        key_stands!("other"),
        "))
            ORDER BY id FOR UPDATE OF job
         ), single AS MATERIALIZED (
            SELECT max(id) AS id FROM chosen
            GROUP BY kind, unique_from, CASE WHEN is_unique THEN unique_key END,
                CASE WHEN NOT is_unique THEN id END
         ), back AS (
            UPDATE mcsv_jobs SET state = 'available', attempt = 0, cancel = false,
                finished_at = NULL, scheduled_at = mcsv_jobs_now(),
                budget_from = mcsv_jobs_now(),
                logged_in = greatest(logged_in, pg_current_xact_id())
            WHERE id IN (SELECT id FROM single)
            RETURNING id, queue, state, attempt, logged_in
         ), logged AS (
            INSERT INTO mcsv_job_events (job_id, at, transition, state, attempt, transaction_id)
            SELECT id, mcsv_jobs_now(), 'requeued', state, attempt, logged_in FROM back ORDER BY id
         )
         SELECT queue FROM back"
    ))
    .bind(ids)
    .fetch_all(&mut *tx)
    .await?;
    sqlx::query(TELL_EACH).bind(&back).execute(&mut *tx).await?;
    tx.commit().await?;
    Ok(back)
}
