//! Databases whose transactions are stricter by default than the queue's need to be.

use mcsv_jobs::testing::Database;
use mcsv_jobs::{BoxError, Jobs, State, Workers};
use sqlx::{Connection as _, PgConnection};

use crate::kit::{Done, LONG, assert_sound, note, run_gated};
use crate::warnings::Warnings;

async fn serializable() -> Result<Option<Database>, BoxError> {
    let Some(database) = crate::server::database().await? else { return Ok(None) };
    let mut conn = PgConnection::connect(database.url()).await?;
    let name: String = sqlx::query_scalar("SELECT current_database()").fetch_one(&mut conn).await?;
    let set = format!("ALTER DATABASE {name} SET default_transaction_isolation = serializable");
    sqlx::raw_sql(sqlx::AssertSqlSafe(set)).execute(&mut conn).await?;
    Ok(Some(database))
}

/// Waits until some session waits for a lock.
async fn until_blocked(conn: &mut PgConnection) -> Result<(), sqlx::Error> {
    let blocked = "SELECT EXISTS (SELECT 1 FROM pg_stat_activity
        WHERE datname = current_database() AND wait_event_type = 'Lock')";
    while !sqlx::query_scalar::<_, bool>(blocked).fetch_one(&mut *conn).await? {}
    Ok(())
}

#[tokio::test]
async fn whoever_waits_for_a_unique_job_of_another_is_shown_it() -> Done {
    let Some(database) = serializable().await? else { return Ok(()) };
    let jobs = Jobs::connect(database.url()).await?;
    let mut conn = PgConnection::connect(database.url()).await?;
    let mut tx = jobs.begin_pg().await?;
    let first = jobs.enqueue(note("unique x")).on_pg(&mut tx).await?;
    let second = tokio::spawn({
        let jobs = jobs.clone();
        async move { jobs.enqueue(note("unique x")).await }
    });
    until_blocked(&mut conn).await?;
    tx.commit().await?;

    let second = second.await??;

    assert_eq!((second.id(), second.is_new()), (first.id(), false));
    assert_sound(&jobs).await
}

#[tokio::test]
async fn an_outcome_waits_for_whoever_has_its_row_and_is_not_refused() -> Done {
    let Some(database) = serializable().await? else { return Ok(()) };
    let mut warnings = Warnings::hear();
    let jobs = Jobs::connect(database.url()).await?;
    let (workers, mut starts, go_on) = run_gated(Workers::new(jobs.clone()).queue("notes", 1));
    let id = jobs.enqueue(note("held")).await?.id();
    starts.recv().await;
    let mut other = PgConnection::connect(database.url()).await?;
    let mut tx = other.begin().await?;
    sqlx::query("UPDATE mcsv_jobs SET priority = 1 WHERE id = $1")
        .bind(id.get())
        .execute(&mut *tx)
        .await?;

    go_on.notify_one();
    let mut conn = PgConnection::connect(database.url()).await?;
    until_blocked(&mut conn).await?;
    tx.commit().await?;

    assert_eq!(jobs.wait(id, LONG).await?.state, State::Completed);
    workers.end().await?;
    assert_eq!(warnings.rest(), Vec::<String>::new());
    assert_sound(&jobs).await
}
