UPDATE mcsv_jobs SET state = 'executing', fence = fence + 1, attempt = attempt + 1,
    lease_owner = ?2, attempted_by = ?2,
    attempted_at = CAST(unixepoch('subsec') * 1000 AS INTEGER),
    lease_until = ?3 + CAST(unixepoch('subsec') * 1000 AS INTEGER)
WHERE id IN (SELECT id FROM (
    SELECT * FROM (
        SELECT id, priority, scheduled_at FROM mcsv_jobs
        WHERE queue = ?1 AND state = 'available'
            AND NOT EXISTS (SELECT 1 FROM mcsv_job_pauses WHERE queue = ?1)
            AND NOT EXISTS (SELECT 1 FROM mcsv_job_limits WHERE queue = ?1)
        ORDER BY priority DESC, scheduled_at, id LIMIT ?4)
    UNION ALL
    SELECT * FROM (
        SELECT id, priority, scheduled_at FROM mcsv_jobs
        WHERE queue = ?1 AND state IN ('scheduled', 'retryable')
            AND NOT EXISTS (SELECT 1 FROM mcsv_job_pauses WHERE queue = ?1)
            AND NOT EXISTS (SELECT 1 FROM mcsv_job_limits WHERE queue = ?1)
            AND scheduled_at <= CAST(unixepoch('subsec') * 1000 AS INTEGER)
        ORDER BY scheduled_at LIMIT ?4))
 ORDER BY priority DESC, scheduled_at, id LIMIT ?4)
RETURNING id, fence, kind, args, attempt, max_attempts, inserted_at, scheduled_at,
    attempted_at, budget_from, traceparent, tracestate, batch_id, chain, key_id,
    is_logged, priority
