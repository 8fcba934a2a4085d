-- What bounds how many jobs of a queue run together.
ALTER TABLE mcsv_jobs ADD COLUMN partition_key TEXT;

CREATE TABLE mcsv_job_limits (
    queue         TEXT    PRIMARY KEY,
    running       INTEGER,
    per_partition INTEGER,
    starts        INTEGER,
    period        INTEGER
) STRICT, WITHOUT ROWID;

-- One row per claim of a queue whose starts are limited, until it is older than the period.
CREATE TABLE mcsv_job_starts (
    queue         TEXT    NOT NULL,
    at            INTEGER NOT NULL,
    started       INTEGER NOT NULL
) STRICT;

CREATE INDEX mcsv_job_starts_by_time ON mcsv_job_starts (queue, at);
