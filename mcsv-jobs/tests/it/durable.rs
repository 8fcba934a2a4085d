use mcsv_jobs::{ErrorKind, JobCx, Jobs, State, Workers};

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

#[tokio::test]
async fn whoever_cannot_be_told_that_his_job_is_on_disk_is_told_that_it_is_not() -> Done {
    let queue = Queue::new().await;
    queue.jobs.enqueue(note("on disk")).await?;
    let log = queue.folder.path().join("deep/er/jobs.db-wal");
    let aside = log.with_extension("aside");
    // SQLite keeps on writing to it. What is to bring it to the disk finds nothing under its name.
    std::fs::rename(&log, &aside)?;
    let refused = queue.jobs.enqueue(note("who knows")).await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::NotOnDisk);
    assert!(refused.is_retryable());
    std::fs::rename(&aside, &log)?;

    // Its log has begun anew meanwhile, and callers are not told of it.
    queue.jobs.enqueue(note("on disk again")).await?;
    let tx = queue.jobs.begin().await?;
    tx.commit().await?;
    let there = queue.jobs.list(mcsv_jobs::Filter::new()).await?.jobs;
    assert_eq!(there.len(), 3, "it is in the database all the same");
    Ok(())
}
