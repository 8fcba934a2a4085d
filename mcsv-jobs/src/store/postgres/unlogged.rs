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
            UPDATE mcsv_jobs SET is_logged = true
            WHERE id = ANY (ARRAY(SELECT id FROM mcsv_jobs
                    WHERE id = ANY ($1) AND NOT is_logged ORDER BY id FOR UPDATE))
                AND NOT is_logged
            RETURNING id, inserted_at, scheduled_at, fence, attempted_at, attempted_by
         )
         INSERT INTO mcsv_job_events (job_id, at, transition, state, attempt, worker)
         SELECT id, at, transition, state, attempt, worker FROM (
            SELECT id, 0 AS step, inserted_at AS at, 'enqueued' AS transition,
                CASE WHEN scheduled_at > inserted_at THEN 'scheduled' ELSE 'available' END AS state,
                0 AS attempt, '' AS worker FROM begun
            UNION ALL
            SELECT id, 1, attempted_at, 'started', 'executing', 1, attempted_by FROM begun
            WHERE fence = 1
         ) AS events ORDER BY id, step",
    )
    .bind(ids)
    .execute(conn)
    .await?;
    Ok(())
}
