UPDATE mcsv_jobs SET state = 'completed', finished_at = ?2, lease_owner = NULL,
    lease_until = NULL, cancel = 0
WHERE id IN (SELECT value FROM json_each(?1))
