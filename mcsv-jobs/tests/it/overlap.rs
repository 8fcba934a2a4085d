//! Jobs that run while the outcomes before them are written.

use mcsv_jobs::{Jobs, State, Workers};
use sqlx::{Connection as _, PgConnection};

use crate::kit::{Done, LONG, assert_sound, note, run_gated};

#[tokio::test]
async fn a_worker_that_runs_nothing_goes_on_while_its_outcome_waits() -> Done {
    let Some(database) = crate::server::database().await? else { return Ok(()) };
    let jobs = Jobs::connect(database.url()).await?;
    let (workers, mut starts, go_on) = run_gated(Workers::new(jobs.clone()).queue("notes", 1));
    let made = jobs.enqueue_all(["first", "second", "third"].map(note)).await?;
    assert_eq!(starts.recv().await, Some(("first".to_owned(), 1)));

    let mut stranger = PgConnection::connect(database.url()).await?;
    let mut lock = stranger.begin().await?;
    sqlx::query("SELECT 1 FROM mcsv_jobs WHERE id = $1 FOR UPDATE")
        .bind(made[0].id().get())
        .execute(&mut *lock)
        .await?;
    go_on.notify_one();
    assert_eq!(starts.recv().await, Some(("second".to_owned(), 1)));
    let first = jobs.get(made[0].id()).await?.ok_or("no job")?;
    assert_eq!(first.state, State::Executing, "its row is locked");
    lock.rollback().await?;

    go_on.notify_one();
    assert_eq!(starts.recv().await, Some(("third".to_owned(), 1)));
    go_on.notify_one();
    for one in made {
        let record = jobs.wait(one.id(), LONG).await?;
        assert_eq!((record.state, record.attempt), (State::Completed, 1));
    }
    workers.end().await?;
    assert_sound(&jobs).await
}
