INSERT INTO mcsv_job_events (job_id, at, transition, state, attempt, worker)
SELECT id, ?3, 'completed', 'completed', attempt, attempted_by FROM mcsv_jobs
WHERE id IN (SELECT value FROM json_each(?1)) AND fence = ?2 AND +state = 'executing'
