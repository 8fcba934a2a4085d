use sqlx::PgConnection;

use crate::store::Completions;

/// Jobs by their ids, whatever else is asked of them.
///
/// `state || ''`, and not the state: an index of what runs is nearly empty whenever the server counts it, so
/// that it looks like the shortest way. But it keeps an entry of each job that has run until a vacuum, and
/// each of these would be looked up.
pub(super) const KEEP: &str = "WITH ended AS (
        UPDATE mcsv_jobs SET state = 'completed', finished_at = clock.now,
            lease_owner = NULL, lease_until = NULL, cancel = false,
            logged_in = greatest(logged_in, pg_current_xact_id())
        FROM (SELECT mcsv_jobs_now() AS now) AS clock
        WHERE id = ANY ($1) AND fence = $2 AND state || '' = 'executing'
            AND lease_owner = $3 AND attempted_at = ANY ($4)
        RETURNING id, finished_at AS at, attempt, attempted_by, logged_in
     ), logged AS (
        INSERT INTO mcsv_job_events (job_id, at, transition, state, attempt, worker,
            transaction_id)
        SELECT id, at, 'completed', 'completed', attempt, attempted_by, logged_in FROM ended
     )
     SELECT id FROM ended";
const DELETE: &str = "WITH ended AS (
        DELETE FROM mcsv_jobs USING (SELECT mcsv_jobs_now() AS now) AS clock
        WHERE id = ANY ($1) AND fence = $2 AND state || '' = 'executing'
            AND lease_owner = $3 AND attempted_at = ANY ($4)
        RETURNING id, clock.now AS at, attempt, attempted_by, is_logged,
            greatest(logged_in, pg_current_xact_id()) AS logged_in
     ), logged AS (
        INSERT INTO mcsv_job_events (job_id, at, transition, state, attempt, worker,
            transaction_id)
        SELECT id, at, 'completed', 'completed', attempt, attempted_by, logged_in FROM ended
        WHERE is_logged
     ), forgotten AS (
        DELETE FROM mcsv_job_progress WHERE job_id IN (SELECT id FROM ended)
     )
     SELECT id FROM ended";

/// Writes plain completions, which most ends are, and answers with those whose fence held.
///
/// They need nothing of an ack but its job, its fence and its beginning. They don't lock their rows in order
/// beforehand: only a rescuer of the same jobs could get in the way, and of the two the server then
/// refuses one, who tries again.
pub(super) async fn complete(
    conn: &mut PgConnection,
    owner: &str,
    Completions { fence, keep, ids, started }: &Completions,
) -> Result<Vec<i64>, sqlx::Error> {
    let end = if *keep { KEEP } else { DELETE };
    sqlx::query_scalar(end).bind(ids).bind(fence).bind(owner).bind(started).fetch_all(conn).await
}
