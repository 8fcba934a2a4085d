INSERT INTO mcsv_job_events (job_id, at, transition, state, attempt, worker)
SELECT mcsv_jobs.id, attempted_at, 'started', state, attempt, lease_owner
FROM json_each(?1) JOIN mcsv_jobs ON mcsv_jobs.id = value
WHERE is_logged
