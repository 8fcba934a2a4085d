use std::sync::mpsc::channel;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use mcsv_jobs::testing::Database;
use mcsv_jobs::{JobCx, Jobs, State, Workers};

use crate::kit::{Done, LONG, Note, assert_sound, note, run};

/// A handler that never lets go of its thread, among others that do.
async fn check(database: Database) -> Done {
    let jobs = Jobs::connect(database.url()).await?;
    let (started, starts) = channel();
    let (let_go, stuck) = channel::<()>();
    let stuck = Arc::new(Mutex::new(stuck));
    let workers = Workers::new(jobs.clone())
        .queue("notes", 4)
        .with_lease(Duration::from_secs(1))
        .with_drain(Duration::from_millis(1));
    let workers = run(workers.handle(move |job: Note, _: JobCx| {
        let (started, stuck) = (started.clone(), Arc::clone(&stuck));
        async move {
            if job.text == "stuck" {
                started.send(())?;
                // It ends with an error, when the other end goes.
                let _ = stuck.lock().unwrap().recv();
            }
            Done::Ok(())
        }
    }));
    let id = jobs.enqueue(note("stuck")).await?.id();
    tokio::task::spawn_blocking(move || starts.recv()).await??;

    let others = jobs.enqueue_all((0..50).map(|n| note(&n.to_string()))).await?;
    for one in others {
        assert_eq!(jobs.wait(one.id(), LONG).await?.state, State::Completed);
    }
    // The drain ends although the handler does not.
    workers.end().await?;

    let record = jobs.get(id).await?.ok_or("no job")?;
    assert_eq!((record.state, record.attempt), (State::Available, 0));
    drop(let_go);
    assert_sound(&jobs).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_handler_that_blocks_holds_up_neither_others_nor_the_drain() -> Done {
    check(Database::sqlite()?).await
}

#[cfg(feature = "postgres")]
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_handler_that_blocks_holds_up_neither_others_nor_the_drain_on_a_server() -> Done {
    let Some(database) = crate::server::database().await? else { return Ok(()) };
    check(database).await
}
