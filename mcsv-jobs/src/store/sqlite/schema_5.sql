-- The state changes with every step of a job, and an index over all states with it. Those that
-- wait or run have indexes of their own; of the others it changes once.
DROP INDEX mcsv_jobs_by_state;
CREATE INDEX mcsv_jobs_ended ON mcsv_jobs (state, queue, finished_at)
    WHERE finished_at IS NOT NULL;
