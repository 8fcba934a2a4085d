//! A SQLite file that is deleted or replaced under those who have it open.

use std::path::{Path, PathBuf};

use mcsv_jobs::{ErrorKind, EventCursor, JobCx, Jobs, State, Workers};

use crate::kit::{Done, LONG, Note, Queue, assert_sound, note, run_gated, url};
use crate::warnings::Warnings;

fn file(queue: &Queue) -> PathBuf {
    queue.folder.path().join("deep/er/jobs.db")
}

/// The database with what belongs to it.
fn rename(from: &Path, to: &Path) -> Done {
    for end in ["", "-wal", "-shm"] {
        let [from, to] = [from, to].map(|path| format!("{}{end}", path.display()));
        std::fs::rename(from, to)?;
    }
    Ok(())
}

async fn assert_refused(jobs: &Jobs) {
    let refused = [
        jobs.enqueue(note("lost")).await.unwrap_err(),
        jobs.enqueue_all([note("lost")]).await.unwrap_err(),
        jobs.begin().await.unwrap_err(),
        jobs.pause("notes").await.unwrap_err(),
        jobs.ping().await.unwrap_err(),
        jobs.subscribe(EventCursor::BEGINNING).next().await.unwrap_err(),
    ];
    for error in refused {
        assert_eq!(error.kind(), ErrorKind::Closed);
        assert!(error.to_string().contains("jobs.db was deleted or replaced"), "{error}");
    }
}

#[tokio::test]
async fn a_deleted_file_takes_no_more_jobs_and_its_workers_end() -> Done {
    let mut warnings = Warnings::hear();
    let queue = Queue::new().await;
    let (workers, mut starts, go_on) =
        run_gated(Workers::new(queue.jobs.clone()).queue("notes", 2));
    queue.jobs.enqueue(note("runs")).await?;
    starts.recv().await;

    std::fs::remove_file(file(&queue))?;
    assert_refused(&queue.jobs).await;
    warnings.next_with("deleted or replaced").await;
    go_on.notify_one();
    workers.end().await?;

    let jobs = Jobs::connect(&url(queue.folder.path())).await?;
    jobs.enqueue(note("found")).await?;
    assert_sound(&jobs).await
}

#[cfg(unix)]
#[tokio::test]
async fn a_link_to_a_file_is_that_file() -> Done {
    let mut warnings = Warnings::hear();
    let queue = Queue::new().await;
    let link = queue.folder.path().join("link.db");
    std::os::unix::fs::symlink(file(&queue), &link)?;
    let jobs = Jobs::connect(&format!("sqlite://{}", link.display())).await?;
    let (workers, mut starts, go_on) = run_gated(Workers::new(jobs.clone()).queue("notes", 1));

    for (from, to) in [(&jobs, &queue.jobs), (&queue.jobs, &jobs)] {
        let id = from.enqueue(note("either way")).await?.id();
        starts.recv().await;
        go_on.notify_one();
        assert_eq!(to.wait(id, LONG).await?.state, State::Completed);
    }
    workers.end().await?;

    assert_eq!(warnings.rest(), Vec::<String>::new());
    assert_sound(&jobs).await
}

#[tokio::test]
async fn a_replaced_file_takes_no_jobs_until_it_is_back() -> Done {
    let (queue, other) = (Queue::new().await, Queue::new().await);
    let aside = queue.folder.path().join("aside.db");
    rename(&file(&queue), &aside)?;
    rename(&file(&other), &file(&queue))?;
    assert_refused(&queue.jobs).await;

    rename(&file(&queue), &file(&other))?;
    rename(&aside, &file(&queue))?;
    let workers = Workers::new(queue.jobs.clone()).queue("notes", 1);
    let workers = crate::kit::run(workers.handle(|_: Note, _: JobCx| async { Done::Ok(()) }));
    let id = queue.jobs.enqueue(note("kept")).await?.id();
    assert_eq!(queue.other().await.wait(id, LONG).await?.state, State::Completed);
    workers.end().await?;
    assert_sound(&queue.jobs).await
}
