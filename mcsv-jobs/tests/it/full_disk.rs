//! A database without room: callers hear of it, workers wait for it, and nothing is torn.

use std::sync::Arc;

use mcsv_jobs::{BoxError, JobCx, Jobs, Outcome, State, Workers};
use sqlx::AssertSqlSafe;
use tokio::sync::{Notify, mpsc};

use crate::kit::{Done, LONG, Note, assert_sound, note, run};
use crate::warnings::Warnings;

/// More than the free pages of a small database can take.
const LARGE: usize = 60_000;

/// How a database gets full, and has room again.
enum Disk {
    /// The limit is a connection's own, and a database in memory has but one: the error is the one of a full
    /// disk.
    Memory(Jobs),
    /// A trigger answers what the server says when its disk is full.
    #[cfg(feature = "postgres")]
    Postgres(sqlx::PgConnection),
}

impl Disk {
    async fn fill(&mut self) -> Done {
        match self {
            // The least that SQLite takes is what there is.
            Disk::Memory(jobs) => limit_pages(jobs, 1).await,
            #[cfg(feature = "postgres")]
            Disk::Postgres(conn) => {
                let full = "CREATE FUNCTION full_disk() RETURNS trigger LANGUAGE plpgsql AS $$
                    BEGIN RAISE EXCEPTION 'no room' USING ERRCODE = 'disk_full'; END $$;
                    CREATE TRIGGER full_disk BEFORE INSERT OR UPDATE ON mcsv_jobs
                    FOR EACH STATEMENT EXECUTE FUNCTION full_disk()";
                sqlx::raw_sql(full).execute(conn).await?;
                Ok(())
            }
        }
    }

    async fn make_room(&mut self) -> Done {
        match self {
            Disk::Memory(jobs) => limit_pages(jobs, 1_000_000_000).await,
            #[cfg(feature = "postgres")]
            Disk::Postgres(conn) => {
                sqlx::raw_sql("DROP TRIGGER full_disk ON mcsv_jobs").execute(conn).await?;
                Ok(())
            }
        }
    }
}

async fn limit_pages(jobs: &Jobs, pages: u32) -> Done {
    let mut tx = jobs.begin().await?;
    let limit = AssertSqlSafe(format!("PRAGMA max_page_count = {pages}"));
    sqlx::raw_sql(limit).execute(&mut *tx).await?;
    Ok(tx.commit().await?)
}

async fn check(jobs: &Jobs, mut disk: Disk) -> Done {
    let mut warnings = Warnings::hear();
    let (started, mut starts) = mpsc::unbounded_channel();
    let go_on = Arc::new(Notify::new());
    let gate = Arc::clone(&go_on);
    let workers = Workers::new(jobs.clone()).queue("notes", 4);
    let workers = run(workers.handle(move |_: Note, cx: JobCx| {
        let (started, gate) = (started.clone(), Arc::clone(&gate));
        async move {
            started.send(cx.attempt())?;
            gate.notified().await;
            Ok::<_, BoxError>(Outcome::done().with_result("r".repeat(LARGE)))
        }
    }));
    let id = jobs.enqueue(note("before")).await?.id();
    starts.recv().await;

    disk.fill().await?;
    let large = note(&"x".repeat(LARGE));
    let refused = jobs.enqueue(large.clone()).await.unwrap_err();
    assert!(refused.is_retryable(), "{refused:?}");
    go_on.notify_one();
    warnings.next_with("outcomes not written").await;
    let waits = jobs.get(id).await?.ok_or("no job")?;
    assert_eq!((waits.state, waits.attempt), (State::Executing, 1));
    disk.make_room().await?;

    let record = jobs.wait(id, LONG).await?;
    assert_eq!((record.state, record.attempt), (State::Completed, 1));
    let again = jobs.enqueue(large).await?.id();
    go_on.notify_one();
    assert_eq!(jobs.wait(again, LONG).await?.state, State::Completed);
    workers.end().await?;
    assert_eq!(starts.recv().await, Some(1), "of the second job, and there is no third start");
    assert_eq!(starts.recv().await, None);
    assert_sound(jobs).await
}

#[tokio::test]
async fn a_full_sqlite_database_refuses_callers_and_costs_no_outcome() -> Done {
    let jobs = Jobs::connect("sqlite::memory:").await?;
    check(&jobs, Disk::Memory(jobs.clone())).await?;
    let mut tx = jobs.begin().await?;
    let found: String = sqlx::query_scalar("PRAGMA integrity_check").fetch_one(&mut *tx).await?;
    assert_eq!(found, "ok");
    Ok(())
}

#[cfg(feature = "postgres")]
#[tokio::test]
async fn a_server_without_room_refuses_callers_and_costs_no_outcome() -> Done {
    use sqlx::Connection as _;

    let Some(database) = crate::server::database().await? else { return Ok(()) };
    let jobs = Jobs::connect(database.url()).await?;
    let conn = sqlx::PgConnection::connect(database.url()).await?;
    check(&jobs, Disk::Postgres(conn)).await
}
