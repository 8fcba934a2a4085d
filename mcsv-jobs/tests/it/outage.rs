use std::time::Duration;

use mcsv_core::Shutdown;
use mcsv_jobs::{JobCx, Jobs, State, Workers};
use sqlx::{Connection, PgConnection};
use tokio::sync::mpsc;

use crate::kit::{Done, LONG, Note, note};

/// Ends every other session of the database, as a restart or an administrator would.
async fn end_sessions(url: &str) -> Result<i64, sqlx::Error> {
    let mut conn = PgConnection::connect(url).await?;
    sqlx::query_scalar(
        "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
         WHERE datname = current_database() AND pid <> pg_backend_pid()",
    )
    .fetch_one(&mut conn)
    .await
}

#[tokio::test]
async fn workers_outlive_the_end_of_all_their_sessions_and_run_nothing_twice() -> Done {
    let Some(database) = crate::server::database().await? else { return Ok(()) };
    let jobs = Jobs::connect(database.url()).await?;
    let made = jobs.enqueue_all((0..200).map(|n| note(&n.to_string()))).await?;
    let (seen, mut runs) = mpsc::unbounded_channel();
    let workers = Workers::new(jobs.clone()).queue("notes", 4).handle(move |_: Note, cx: JobCx| {
        let seen = seen.clone();
        async move {
            // The work itself: long enough for the outage to fall into it.
            tokio::time::sleep(Duration::from_millis(5)).await;
            Done::Ok(seen.send(cx.id())?)
        }
    });
    let shutdown = Shutdown::new();
    let running = tokio::spawn(workers.run(shutdown.clone()));

    let mut ran = Vec::new();
    for outage in [20, 60, 100] {
        while ran.len() < outage {
            ran.extend(runs.recv().await);
        }
        assert!(end_sessions(database.url()).await? > 0);
    }
    // Another handle: what the callers of this one meet now may pass, and may fail as retryable.
    let watching = Jobs::connect(database.url()).await?;
    for one in &made {
        assert_eq!(watching.wait(one.id(), LONG).await?.state, State::Completed);
    }
    shutdown.begin();
    running.await??;

    while let Some(id) = runs.recv().await {
        ran.push(id);
    }
    ran.sort_unstable();
    assert_eq!(ran, made.iter().map(|one| one.id()).collect::<Vec<_>>());
    Ok(())
}

#[tokio::test]
async fn a_caller_hears_that_a_lost_server_may_come_back() -> Done {
    let Some(database) = crate::server::database().await? else { return Ok(()) };
    let jobs = Jobs::connect(database.url()).await?;
    let mut tx = jobs.begin_pg().await?;
    end_sessions(database.url()).await?;

    let error = jobs.enqueue(note("lost")).on_pg(&mut tx).await.unwrap_err();

    assert!(error.is_retryable(), "{error:?}");
    assert!(jobs.begin().await.unwrap_err().is_invalid(), "not on SQLite");
    Ok(())
}
