use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use futures_util::future::poll_immediate;
use mcsv_jobs::{JobCx, Jobs, State, Workers};
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{ConnectOptions as _, Connection as _};
use tokio::sync::mpsc;

use crate::kit::{Done, LONG, Note, Queue, assert_sound, note, run};
use crate::warnings::Warnings;

#[tokio::test]
async fn a_write_waits_for_a_locked_database() -> Done {
    let queue = Queue::new().await;
    let other = queue.other().await;
    let lock = other.begin().await?;

    let mut enqueuing = Box::pin(async { queue.jobs.enqueue(note("patient")).await });
    assert!(poll_immediate(&mut enqueuing).await.is_none());
    lock.rollback().await?;

    assert!(enqueuing.await?.is_new());
    Ok(())
}

#[tokio::test]
async fn a_process_begins_while_another_one_writes() -> Done {
    let queue = Queue::new().await;
    let lock = queue.jobs.begin().await?;

    let other = queue.other().await;
    assert!(other.stats().await?.is_empty());
    lock.rollback().await?;
    Ok(())
}

/// A connection of somebody else, who knows nothing of the queue.
async fn stranger(queue: &Queue) -> Result<SqliteConnection, sqlx::Error> {
    let file = queue.folder.path().join("deep/er/jobs.db");
    let patient = std::time::Duration::from_secs(30);
    SqliteConnectOptions::new().filename(file).busy_timeout(patient).connect().await
}

#[tokio::test]
async fn workers_wait_for_a_stranger_who_holds_the_write_lock_and_complain_of_nothing() -> Done {
    let mut warnings = Warnings::hear();
    let queue = Queue::new().await;
    let mut stranger = stranger(&queue).await?;
    let (started, mut starts) = mpsc::unbounded_channel();
    let workers = Workers::new(queue.jobs.clone()).queue("notes", 4);
    let workers = run(workers.handle(move |_: Note, cx: JobCx| {
        let started = started.clone();
        async move { Done::Ok(started.send(cx.id())?) }
    }));
    for round in 0..5 {
        let made = queue.jobs.enqueue_all((0..20).map(|n| note(&n.to_string()))).await?;
        starts.recv().await;
        sqlx::raw_sql("BEGIN IMMEDIATE").execute(&mut stranger).await?;
        let asked = tokio::spawn({
            let jobs = queue.jobs.clone();
            async move { jobs.enqueue(note("patient")).await }
        });
        // Reads do not wait.
        assert_eq!(queue.jobs.get(made[0].id()).await?.map(|job| job.id), Some(made[0].id()));
        sqlx::raw_sql("COMMIT").execute(&mut stranger).await?;
        assert!(asked.await??.is_new(), "{round}");
        for one in made {
            assert_eq!(queue.wait(one.id()).await.state, State::Completed);
        }
    }
    workers.end().await?;
    assert_eq!(warnings.rest(), [""; 0]);
    assert_sound(&queue.jobs).await
}

#[tokio::test]
async fn a_stranger_who_idles_in_a_read_transaction_holds_up_nobody() -> Done {
    let mut warnings = Warnings::hear();
    let queue = Queue::new().await;
    let mut stranger = stranger(&queue).await?;
    let count = "SELECT count(*) FROM mcsv_jobs";
    sqlx::raw_sql("BEGIN").execute(&mut stranger).await?;
    assert_eq!(sqlx::query_scalar::<_, i64>(count).fetch_one(&mut stranger).await?, 0);

    let workers = Workers::new(queue.jobs.clone()).queue("notes", 4);
    let workers = run(workers.handle(|_: Note, _: JobCx| async { Done::Ok(()) }));
    let made = queue.jobs.enqueue_all((0..100).map(|n| note(&n.to_string()))).await?;
    for one in made {
        assert_eq!(queue.wait(one.id()).await.state, State::Completed);
    }
    // It still sees what it saw.
    assert_eq!(sqlx::query_scalar::<_, i64>(count).fetch_one(&mut stranger).await?, 0);
    sqlx::raw_sql("COMMIT").execute(&mut stranger).await?;
    workers.end().await?;
    assert_eq!(warnings.rest(), [""; 0]);
    assert_sound(&queue.jobs).await
}

#[tokio::test]
async fn vacuum_and_checkpoints_during_the_work_harm_nobody() -> Done {
    let mut warnings = Warnings::hear();
    let queue = Queue::new().await;
    let mut stranger = stranger(&queue).await?;
    let handler = |_: Note, _: JobCx| async { Done::Ok(()) };
    let workers = |jobs: Jobs| run(Workers::new(jobs).queue("notes", 4).handle(handler));
    let running = [workers(queue.jobs.clone()), workers(queue.other().await)];
    let upkeep_is_over = Arc::new(AtomicBool::new(false));
    let callers = tokio::spawn({
        let (jobs, is_over) = (queue.jobs.clone(), Arc::clone(&upkeep_is_over));
        async move {
            let mut made = Vec::new();
            while !is_over.load(Ordering::Relaxed) {
                made.push(jobs.enqueue(note(&made.len().to_string())).await?);
            }
            Ok::<_, mcsv_jobs::Error>(made)
        }
    });
    for _ in 0..20 {
        for upkeep in ["PRAGMA wal_checkpoint(TRUNCATE)", "VACUUM"] {
            sqlx::raw_sql(upkeep).execute(&mut stranger).await?;
        }
    }
    upkeep_is_over.store(true, Ordering::Relaxed);
    let made = callers.await??;
    assert!(!made.is_empty());
    for one in made {
        let record = queue.jobs.wait(one.id(), LONG).await?;
        assert_eq!((record.state, record.attempt), (State::Completed, 1));
    }
    for workers in running {
        workers.end().await?;
    }
    stranger.close().await?;
    assert_eq!(warnings.rest(), [""; 0]);
    assert_sound(&queue.jobs).await
}
