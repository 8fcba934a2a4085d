-- Jobs that belong together, and what follows when the last of them has ended.
CREATE TABLE mcsv_job_batches (
    id            BIGINT  PRIMARY KEY,
    inserted_at   BIGINT  NOT NULL,
    finished_at   BIGINT,
    completion    TEXT
);

CREATE INDEX mcsv_job_batches_open ON mcsv_job_batches (id) WHERE finished_at IS NULL;
CREATE INDEX mcsv_job_batches_finished ON mcsv_job_batches (finished_at)
    WHERE finished_at IS NOT NULL;

ALTER TABLE mcsv_jobs ADD COLUMN batch_id BIGINT;
-- What follows on this job alone, as a list of rows.
ALTER TABLE mcsv_jobs ADD COLUMN chain TEXT;
-- The key that the arguments are sealed with.
ALTER TABLE mcsv_jobs ADD COLUMN key_id TEXT;

CREATE INDEX mcsv_jobs_by_batch ON mcsv_jobs (batch_id, state) WHERE batch_id IS NOT NULL;

-- What a running job last said of itself.
CREATE TABLE mcsv_job_progress (
    job_id        BIGINT  PRIMARY KEY REFERENCES mcsv_jobs (id) ON DELETE CASCADE,
    at            BIGINT  NOT NULL,
    progress      TEXT    NOT NULL
);
