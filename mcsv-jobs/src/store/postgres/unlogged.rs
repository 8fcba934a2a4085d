use sqlx::PgConnection;

/// Has those of these jobs that are not logged be so from now on: their rows have all that has happened to
/// them, which their beginnings in the log are written from.
pub(super) async fn begin_log(conn: &mut PgConnection, ids: &[i64]) -> Result<(), sqlx::Error> {
    if ids.is_empty() {
        return Ok(());
    }
    // Locked in the order of their ids, so that two batches cannot deadlock.
    sqlx::query(
        "WITH begun AS (
            UPDATE mcsv_jobs SET is_logged = true,
                logged_in = greatest(logged_in, pg_current_xact_id())
            WHERE id = ANY (ARRAY(SELECT id FROM mcsv_jobs
                    WHERE id = ANY ($1) AND NOT is_logged ORDER BY id FOR UPDATE))
                AND NOT is_logged
            RETURNING id, inserted_at, scheduled_at, fence, attempted_at, attempted_by,
                logged_in
         )
         INSERT INTO mcsv_job_events (job_id, at, transition, state, attempt, worker,
            transaction_id)
         SELECT id, at, transition, state, attempt, worker, logged_in FROM (
            SELECT id, 0 AS step, inserted_at AS at, 'enqueued' AS transition,
                CASE WHEN scheduled_at > inserted_at THEN 'scheduled' ELSE 'available' END AS state,
                0 AS attempt, '' AS worker, logged_in FROM begun
            UNION ALL
            SELECT id, 1, attempted_at, 'started', 'executing', 1, attempted_by, logged_in
            FROM begun WHERE fence = 1
         ) AS events ORDER BY id, step",
    )
    .bind(ids)
    .execute(conn)
    .await?;
    Ok(())
}
