-- What bounds how many jobs of a queue run together.
ALTER TABLE mcsv_jobs ADD COLUMN partition_key TEXT;

CREATE TABLE mcsv_job_limits (
    queue         TEXT    PRIMARY KEY,
    running       BIGINT,
    per_partition BIGINT,
    starts        BIGINT,
    period        BIGINT
);

-- One row per claim of a queue whose starts are limited, until it is older than the period.
CREATE TABLE mcsv_job_starts (
    queue         TEXT    NOT NULL,
    at            BIGINT  NOT NULL,
    started       BIGINT  NOT NULL
);

CREATE INDEX mcsv_job_starts_by_time ON mcsv_job_starts (queue, at);
