use crate::testing::kit::{Done, LONG, Note, Queue, note, run, run_gated};
use crate::{JobCx, State, Workers};

/// Makes the database one of version 2.
const EARLIER: [&str; 18] = [
    "DROP TABLE mcsv_job_log",
    "DROP INDEX mcsv_jobs_unique",
    "CREATE UNIQUE INDEX mcsv_jobs_unique ON mcsv_jobs (kind, unique_key)
        WHERE unique_key IS NOT NULL
            AND state IN ('available', 'scheduled', 'executing', 'retryable')",
    "ALTER TABLE mcsv_jobs DROP COLUMN unique_states",
    "ALTER TABLE mcsv_jobs DROP COLUMN unique_from",
    "DROP INDEX mcsv_jobs_ended",
    "CREATE INDEX mcsv_jobs_by_state ON mcsv_jobs (state, queue, id)",
    "DROP TABLE mcsv_job_progress",
    "DROP TABLE mcsv_job_batches",
    "DROP INDEX mcsv_jobs_by_batch",
    "ALTER TABLE mcsv_jobs DROP COLUMN batch_id",
    "ALTER TABLE mcsv_jobs DROP COLUMN chain",
    "ALTER TABLE mcsv_jobs DROP COLUMN key_id",
    "ALTER TABLE mcsv_jobs DROP COLUMN is_logged",
    "ALTER TABLE mcsv_jobs DROP COLUMN partition_key",
    "DROP TABLE mcsv_job_limits",
    "DROP TABLE mcsv_job_starts",
    "DELETE FROM mcsv_jobs_schema WHERE version > 2",
];
const EARLIER_ON_SQLITE: [&str; 1] = ["ALTER TABLE mcsv_job_ids DROP COLUMN batch_at"];
const EARLIER_ON_POSTGRES: [&str; 3] = [
    "ALTER TABLE mcsv_jobs DROP COLUMN logged_in",
    "ALTER TABLE mcsv_job_events DROP COLUMN transaction_id",
    "ALTER TABLE mcsv_job_events ADD PRIMARY KEY (sequence)",
];

async fn go_back(queue: &Queue) -> Done {
    let own: &[&str] =
        if queue.is_on_postgres() { &EARLIER_ON_POSTGRES } else { &EARLIER_ON_SQLITE };
    for undo in EARLIER.iter().chain(own) {
        queue.bend(undo).await?;
    }
    Ok(())
}

pub(in crate::testing) async fn a_database_of_an_earlier_version_keeps_its_jobs(
    queue: Queue,
) -> Done {
    let id = queue.jobs.enqueue(note("old")).await?.id();
    go_back(&queue).await?;

    let jobs = queue.other().await;
    let workers = Workers::new(jobs.clone()).queue("notes", 1);
    let workers = run(workers.handle(|_: Note, _: JobCx| async { Done::Ok(()) }));
    let record = jobs.wait(id, LONG).await?;
    workers.end().await;

    assert_eq!((record.state, record.partition), (State::Completed, None));
    assert!(jobs.limits().await?.is_empty());
    Ok(())
}

pub(in crate::testing) async fn workers_go_on_across_a_migration_under_them(queue: Queue) -> Done {
    let (workers, mut starts, go_on) = run_gated(queue.workers());
    let held = queue.jobs.enqueue(note("held")).await?.id();
    starts.recv().await;

    // The statements that it has prepared fail, and then fit again.
    go_back(&queue).await?;
    go_on.notify_one();
    assert!(queue.jobs.enqueue(note("too early")).await.is_err());
    let other = queue.other().await;

    let record = other.wait(held, LONG).await?;
    assert_eq!((record.state, record.attempt), (State::Completed, 1));
    let next = queue.jobs.enqueue(note("next")).await?.id();
    go_on.notify_one();
    assert_eq!(other.wait(next, LONG).await?.state, State::Completed);
    workers.end().await;
    assert_eq!((starts.recv().await, starts.recv().await), (Some(1), None));
    Ok(())
}
