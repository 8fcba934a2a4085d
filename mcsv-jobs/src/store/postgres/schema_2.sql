-- The queues of which nothing is started for the time being.
CREATE TABLE mcsv_job_pauses (
    queue         TEXT    PRIMARY KEY,
    since         BIGINT  NOT NULL
);
