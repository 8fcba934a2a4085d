-- Times are milliseconds since 1970 by this database's own clock.

-- Ids come from here and not from AUTOINCREMENT: taking them is the first statement of a
-- transaction, so it takes the write lock at once and a batch knows its ids before it is inserted.
CREATE TABLE mcsv_job_ids (last INTEGER NOT NULL) STRICT;
INSERT INTO mcsv_job_ids VALUES (0);

CREATE TABLE mcsv_jobs (
    id            INTEGER PRIMARY KEY,
    kind          TEXT    NOT NULL,
    queue         TEXT    NOT NULL,
    state         TEXT    NOT NULL CHECK (state IN ('available', 'scheduled', 'executing',
                                  'retryable', 'completed', 'discarded', 'cancelled')),
    priority      INTEGER NOT NULL DEFAULT 0,
    attempt       INTEGER NOT NULL DEFAULT 0,
    max_attempts  INTEGER NOT NULL,
    fence         INTEGER NOT NULL DEFAULT 0,
    scheduled_at  INTEGER NOT NULL,
    inserted_at   INTEGER NOT NULL,
    budget_from   INTEGER NOT NULL,
    attempted_at  INTEGER,
    attempted_by  TEXT,
    lease_owner   TEXT,
    lease_until   INTEGER,
    cancel        INTEGER NOT NULL DEFAULT 0,
    finished_at   INTEGER,
    unique_key    TEXT,
    traceparent   TEXT,
    tracestate    TEXT,
    errors        TEXT    NOT NULL DEFAULT '[]',
    result        TEXT,
    args          BLOB    NOT NULL
) STRICT;

CREATE INDEX mcsv_jobs_ready ON mcsv_jobs (queue, priority DESC, scheduled_at, id)
    WHERE state = 'available';
CREATE INDEX mcsv_jobs_due ON mcsv_jobs (queue, scheduled_at)
    WHERE state IN ('scheduled', 'retryable');
CREATE INDEX mcsv_jobs_leases ON mcsv_jobs (queue, lease_owner, lease_until)
    WHERE state = 'executing';
CREATE UNIQUE INDEX mcsv_jobs_unique ON mcsv_jobs (kind, unique_key)
    WHERE unique_key IS NOT NULL
      AND state IN ('available', 'scheduled', 'executing', 'retryable');
-- Also for the ended: who asks for the same thing again is shown what came of it.
CREATE INDEX mcsv_jobs_by_key ON mcsv_jobs (kind, unique_key) WHERE unique_key IS NOT NULL;
CREATE INDEX mcsv_jobs_by_state ON mcsv_jobs (state, queue, id);
CREATE INDEX mcsv_jobs_finished ON mcsv_jobs (finished_at) WHERE finished_at IS NOT NULL;

CREATE TABLE mcsv_job_events (
    sequence      INTEGER PRIMARY KEY AUTOINCREMENT,
    job_id        INTEGER NOT NULL,
    at            INTEGER NOT NULL,
    transition    TEXT    NOT NULL,
    state         TEXT    NOT NULL,
    attempt       INTEGER NOT NULL,
    worker        TEXT    NOT NULL DEFAULT '',
    detail        TEXT    NOT NULL DEFAULT ''
) STRICT;

CREATE INDEX mcsv_job_events_by_job ON mcsv_job_events (job_id, sequence);

CREATE TABLE mcsv_job_ticks (
    name          TEXT    PRIMARY KEY,
    last          INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
