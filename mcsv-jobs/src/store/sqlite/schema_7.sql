-- Whether the events of a job are written. If not, it waits for its first start or runs for the first
-- time; what else happens to it writes its beginning, and the rest follows.
ALTER TABLE mcsv_jobs ADD COLUMN is_logged INTEGER NOT NULL DEFAULT 1;
