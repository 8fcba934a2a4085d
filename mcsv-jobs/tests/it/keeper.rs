//! The task that finds orphans ends with its process and not before.

use std::time::Duration;

use mcsv_jobs::{JobCx, Workers};
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions as _, SqliteConnection};

use crate::kit::{Done, LONG, Note, Queue, note, run};
use crate::warnings::Warnings;

async fn stranger(queue: &Queue) -> Result<SqliteConnection, sqlx::Error> {
    let file = queue.folder.path().join("deep/er/jobs.db");
    SqliteConnectOptions::new().filename(file).connect().await
}

#[tokio::test]
async fn orphans_are_rescued_after_a_panic_of_the_task_that_looks_for_them() -> Done {
    let mut warnings = Warnings::hear_and_panic_at("orphans can't be looked for");
    let queue = Queue::new().await;
    let mut stranger = stranger(&queue).await?;
    let workers = Workers::new(queue.jobs.clone()).queue("notes", 1);
    let workers = run(workers.handle(|_: Note, _: JobCx| async { Done::Ok(()) }));

    sqlx::raw_sql("ALTER TABLE mcsv_jobs RENAME TO away").execute(&mut stranger).await?;
    warnings.next_with("orphans can't be looked for").await;
    sqlx::raw_sql("ALTER TABLE away RENAME TO mcsv_jobs").execute(&mut stranger).await?;
    tokio::time::timeout(LONG, warnings.next_with("a panic in the task")).await?;

    // Somebody claimed it and is gone.
    let id = queue.jobs.enqueue(note("x")).after(Duration::from_secs(3600)).await?.id();
    sqlx::raw_sql(
        "UPDATE mcsv_jobs SET state = 'executing', attempt = 1, fence = 1, attempted_at = 0,
            lease_owner = '1-00.1', lease_until = 0",
    )
    .execute(&mut stranger)
    .await?;
    assert_eq!(queue.wait(id).await.attempt, 2);
    workers.end().await
}
