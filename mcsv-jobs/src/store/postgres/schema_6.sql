-- A key stands while its job is in one of these states, a bit each in the order of their CHECK, and
-- against the keys of the same period alone, which begins at `unique_from`. By default, and for what
-- is here already: until the job has ended.
ALTER TABLE mcsv_jobs ADD COLUMN unique_states INTEGER NOT NULL DEFAULT 15;
ALTER TABLE mcsv_jobs ADD COLUMN unique_from BIGINT NOT NULL DEFAULT 0;
-- One that does not stand while its job runs is gone with the first start: it could be another's by
-- the time that the job waits again.
DROP INDEX mcsv_jobs_unique;
CREATE UNIQUE INDEX mcsv_jobs_unique ON mcsv_jobs (kind, unique_key, unique_from)
    WHERE unique_key IS NOT NULL
      AND (unique_states & CASE state WHEN 'available' THEN 1 WHEN 'scheduled' THEN 2
            WHEN 'executing' THEN 4 WHEN 'retryable' THEN 8 WHEN 'completed' THEN 16
            WHEN 'discarded' THEN 32 ELSE 64 END) <> 0
      AND ((unique_states & 4) <> 0 OR fence = 0);

-- A sequence is not the order of commits: a transaction that took its numbers early may end late. By
-- the transactions, and up to the oldest one that still runs, nothing comes in between any more.
-- What is here already is older than any. No row is written again for it.
ALTER TABLE mcsv_job_events ADD COLUMN transaction_id XID8 NOT NULL DEFAULT '0';
ALTER TABLE mcsv_job_events ALTER COLUMN transaction_id SET DEFAULT pg_current_xact_id();
ALTER TABLE mcsv_job_events DROP CONSTRAINT mcsv_job_events_pkey;
ALTER TABLE mcsv_job_events ADD PRIMARY KEY (transaction_id, sequence);

-- Whose places its cursors are: another one is drawn where the numbers of transactions change, as
-- with a dump that is restored on another server.
CREATE TABLE mcsv_job_log (tag INTEGER NOT NULL);
INSERT INTO mcsv_job_log VALUES (1 + floor(random() * 2147483647));
