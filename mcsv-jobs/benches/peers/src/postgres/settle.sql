WITH ended AS (
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
 SELECT id FROM ended
