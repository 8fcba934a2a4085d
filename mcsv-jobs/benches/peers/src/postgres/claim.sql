WITH clock AS MATERIALIZED (
    SELECT mcsv_jobs_now() AS now
 ), urgent AS MATERIALIZED (
    SELECT ctid AS place, id, priority, scheduled_at FROM mcsv_jobs
    WHERE queue = $1 AND state = 'available' AND priority > $5
        AND NOT EXISTS (SELECT 1 FROM mcsv_job_pauses WHERE queue = $1)
        AND NOT EXISTS (SELECT 1 FROM mcsv_job_limits WHERE queue = $1)
    ORDER BY priority DESC, scheduled_at, id LIMIT $2 FOR UPDATE SKIP LOCKED
 ), later AS MATERIALIZED (
    SELECT ctid AS place, id, priority, scheduled_at FROM mcsv_jobs
    WHERE queue = $1 AND state = 'available'
        AND priority = $5 AND (scheduled_at, id) > ($6, $7)
        AND NOT EXISTS (SELECT 1 FROM mcsv_job_pauses WHERE queue = $1)
        AND NOT EXISTS (SELECT 1 FROM mcsv_job_limits WHERE queue = $1)
    ORDER BY scheduled_at, id LIMIT $2 FOR UPDATE SKIP LOCKED
 ), due AS MATERIALIZED (
    SELECT ctid AS place, id, priority, scheduled_at FROM mcsv_jobs
    WHERE queue = $1 AND state IN ('scheduled', 'retryable')
        AND NOT EXISTS (SELECT 1 FROM mcsv_job_pauses WHERE queue = $1)
        AND NOT EXISTS (SELECT 1 FROM mcsv_job_limits WHERE queue = $1)
        AND scheduled_at BETWEEN $8 AND (SELECT now FROM clock)
    ORDER BY scheduled_at LIMIT $2 FOR UPDATE SKIP LOCKED
 ), picked AS MATERIALIZED (
    SELECT place FROM (SELECT * FROM urgent UNION ALL SELECT * FROM later
        UNION ALL SELECT * FROM due) AS all_ranges
    ORDER BY priority DESC, scheduled_at, id LIMIT $2
 ), claimed AS (
    UPDATE mcsv_jobs AS job SET state = 'executing', fence = fence + 1,
        attempt = attempt + 1, lease_owner = $3, attempted_by = $3,
        attempted_at = clock.now, lease_until = clock.now + $4,
        logged_in = CASE WHEN is_logged THEN pg_current_xact_id() ELSE '0' END
    FROM clock
    WHERE job.ctid = ANY (ARRAY(SELECT place FROM picked))
    RETURNING id, fence, kind, args, attempt, max_attempts, inserted_at, scheduled_at,
        attempted_at, budget_from, traceparent, tracestate, batch_id, chain, key_id,
        is_logged, priority
 ), logged AS (
    INSERT INTO mcsv_job_events (job_id, at, transition, state, attempt, worker)
    SELECT id, attempted_at, 'started', 'executing', attempt, $3 FROM claimed
    WHERE is_logged
 )
 SELECT id, fence, kind, args, attempt, max_attempts, inserted_at, scheduled_at,
    attempted_at, budget_from, traceparent, tracestate, batch_id, chain, key_id, is_logged,
    priority, (SELECT max(scheduled_at) FROM due) AS due_until
 FROM claimed ORDER BY priority DESC, scheduled_at, id
