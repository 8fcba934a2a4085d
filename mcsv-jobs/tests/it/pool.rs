use std::time::Duration;

use mcsv_jobs::{BoxError, JobId, Jobs, State, Workers};
use sqlx::{Connection as _, PgConnection};

use crate::kit::{Done, LONG, assert_sound, note, run_gated};

/// More than a queue has for its callers.
const CALLERS: usize = 10;

async fn lease_until(conn: &mut PgConnection, id: JobId) -> Result<i64, BoxError> {
    let sql = "SELECT lease_until FROM mcsv_jobs WHERE id = $1";
    Ok(sqlx::query_scalar(sql).bind(id.get()).fetch_one(conn).await?)
}

#[tokio::test]
async fn callers_who_hold_every_connection_cost_no_job_its_lease_or_its_outcome() -> Done {
    let Some(database) = crate::server::database().await? else { return Ok(()) };
    let jobs = Jobs::connect(database.url()).await?;
    let watching = Jobs::connect(database.url()).await?;
    let workers = Workers::new(jobs.clone()).queue("notes", 1).with_lease(Duration::from_secs(1));
    let (workers, mut starts, go_on) = run_gated(workers);
    let mut held = Vec::new();
    for _ in 0..CALLERS {
        held.push(jobs.begin_pg().await?);
    }
    let asked = jobs.enqueue(note("patient"));
    let mut asked = Box::pin(async { asked.await });
    assert!(futures_util::future::poll_immediate(&mut asked).await.is_none());

    // Claimed, renewed and ended without any of them.
    let id = watching.enqueue(note("held")).await?.id();
    starts.recv().await;
    let mut conn = PgConnection::connect(database.url()).await?;
    let first = lease_until(&mut conn, id).await?;
    while lease_until(&mut conn, id).await? <= first + 1_000 {}
    // The database answers, as far as a readiness check is concerned.
    jobs.ping().await?;
    go_on.notify_one();
    let record = watching.wait(id, LONG).await?;
    assert_eq!((record.state, record.attempt), (State::Completed, 1));

    drop(held);
    let patient = asked.await?.id();
    go_on.notify_one();
    assert_eq!(watching.wait(patient, LONG).await?.state, State::Completed);
    workers.end().await?;
    assert_sound(&watching).await
}

/// Far longer than a caller waits for a connection, and less than an attempt may take.
const MINUTES: u32 = 3;

#[tokio::test]
async fn minutes_without_a_connection_fail_callers_and_no_worker() -> Done {
    let Some(database) = crate::server::database().await? else { return Ok(()) };
    let jobs = Jobs::connect(database.url()).await?;
    let watching = Jobs::connect(database.url()).await?;
    let lease = Duration::from_secs(30);
    let workers = Workers::new(jobs.clone()).queue("notes", 1).with_lease(lease);
    let (workers, mut starts, go_on) = run_gated(workers);
    let id = watching.enqueue(note("held")).await?.id();
    starts.recv().await;
    let mut conn = PgConnection::connect(database.url()).await?;
    let mut held = Vec::new();
    for _ in 0..CALLERS {
        held.push(jobs.begin_pg().await?);
    }

    // As long as this blocks, time goes by when it is told to, and not where nothing else is done.
    let (let_go, blocked) = std::sync::mpsc::channel::<()>();
    let blocking = tokio::task::spawn_blocking(move || blocked.recv().is_err());
    tokio::time::pause();
    for _ in 0..MINUTES * 2 {
        let asked = tokio::spawn({
            let jobs = jobs.clone();
            async move { jobs.enqueue(note("refused")).await }
        });
        while !asked.is_finished() {
            // A third of the lease: each time it is renewed.
            let before = lease_until(&mut conn, id).await?;
            tokio::time::advance(lease / 3).await;
            // The one before may not have been heard of yet, and has run out of time then: the worker
            // tries again a little later.
            while lease_until(&mut conn, id).await? == before {
                tokio::time::advance(Duration::from_millis(10)).await;
            }
        }
        let refused = asked.await?.unwrap_err();
        assert!(refused.is_retryable(), "{refused:?}");
    }
    tokio::time::resume();
    drop(let_go);
    assert!(blocking.await?);

    drop(held);
    let next = jobs.enqueue(note("next")).await?.id();
    for id in [id, next] {
        go_on.notify_one();
        let record = watching.wait(id, LONG).await?;
        assert_eq!((record.state, record.attempt), (State::Completed, 1));
    }
    workers.end().await?;
    let next = Some(("next".to_owned(), 1));
    assert_eq!((starts.recv().await, starts.recv().await), (next, None));
    assert_sound(&watching).await
}
