use std::time::{Duration, SystemTime};

use mcsv_jobs::{BoxError, JobCx, Jobs, Outcome, State, Workers};
use sqlx::{Connection as _, PgConnection};

use crate::kit::{Done, LONG, Note, assert_sound, note, run};

const HOUR: Duration = Duration::from_secs(3600);

/// The server's clock, as it would be if this process's were wrong by the difference.
async fn set_clock(conn: &mut PgConnection, ahead: &str) -> Done {
    let clock = format!(
        "CREATE OR REPLACE FUNCTION mcsv_jobs_now() RETURNS BIGINT LANGUAGE sql VOLATILE
         PARALLEL SAFE AS $$ SELECT
            (extract(epoch FROM clock_timestamp() + interval '{ahead}') * 1000)::BIGINT $$"
    );
    sqlx::raw_sql(sqlx::AssertSqlSafe(clock)).execute(conn).await?;
    Ok(())
}

/// Leases, delays and back-offs of processes whose clocks differ from the server's by `ahead`.
async fn check(ahead: &str) -> Done {
    let Some(database) = crate::server::database().await? else { return Ok(()) };
    let jobs = Jobs::connect(database.url()).await?;
    let mut conn = PgConnection::connect(database.url()).await?;
    set_clock(&mut conn, ahead).await?;
    let handler = |job: Note, cx: JobCx| async move {
        match (job.text.as_str(), cx.attempt()) {
            ("fails once", 1) => Err(BoxError::from("no luck")),
            _ => Ok(Outcome::done()),
        }
    };
    let workers = |jobs: &Jobs| Workers::new(jobs.clone()).queue("notes", 2).handle(handler);
    let other = Jobs::connect(database.url()).await?;
    let running = [run(workers(&jobs)), run(workers(&other))];

    let later = jobs.enqueue(note("later")).after(HOUR / 2).await?.id();
    let soon = jobs.enqueue(note("soon")).after(Duration::from_millis(20)).await?.id();
    let fails = jobs.enqueue(note("fails once")).await?.id();
    for (id, attempts) in [(soon, 1), (fails, 2)] {
        let record = jobs.wait(id, LONG).await?;
        assert_eq!((record.state, record.attempt), (State::Completed, attempts), "{ahead}");
        let early = record.attempted_at.is_none_or(|at| at < record.scheduled_at);
        assert!(!early, "{ahead}: {record:?}");
    }
    let waits = jobs.get(later).await?.ok_or("no job")?;
    assert_eq!(waits.state, State::Scheduled, "{ahead}");
    let apart = waits.inserted_at.duration_since(SystemTime::now());
    let apart = apart.unwrap_or_else(|behind| behind.duration());
    assert!(apart > HOUR / 2, "the clocks are {apart:?} apart");

    for workers in running {
        workers.end().await?;
    }
    assert_sound(&jobs).await
}

#[tokio::test]
async fn processes_an_hour_behind_the_server_claim_nothing_late() -> Done {
    check("1 hour").await
}

#[tokio::test]
async fn processes_an_hour_ahead_of_the_server_claim_nothing_early() -> Done {
    check("-1 hour").await
}
