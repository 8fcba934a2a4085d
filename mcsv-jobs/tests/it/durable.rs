use mcsv_jobs::{JobCx, Jobs, State, Workers};

use crate::kit::{Done, Note, Queue, note, run};

/// What SQLite calls FULL: a commit is on the disk before it is answered.
const FULL: i64 = 2;

async fn synchronous(jobs: &Jobs) -> Result<i64, mcsv_jobs::BoxError> {
    let mut tx = jobs.begin().await?;
    Ok(sqlx::query_scalar("PRAGMA synchronous").fetch_one(&mut *tx).await?)
}

#[tokio::test]
async fn what_callers_commit_is_flushed_also_after_claims_that_were_not() -> Done {
    let queue = Queue::new().await;
    assert_eq!(synchronous(&queue.jobs).await?, FULL);
    let workers = Workers::new(queue.jobs.clone()).queue("notes", 2);
    let workers = run(workers.handle(|_: Note, _: JobCx| async { Done::Ok(()) }));
    for n in 0..20 {
        let id = queue.jobs.enqueue(note(&n.to_string())).await?.id();
        assert_eq!(synchronous(&queue.jobs).await?, FULL);
        assert_eq!(queue.wait(id).await.state, State::Completed);
        assert_eq!(synchronous(&queue.jobs).await?, FULL);
    }
    workers.end().await
}
