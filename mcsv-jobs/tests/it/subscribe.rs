//! What a subscriber of a server's log owes its stored cursor when the server fails or is another one.

use std::path::PathBuf;
use std::process::Command;
use std::sync::Arc;

use mcsv_jobs::testing::PostgresServer;
use mcsv_jobs::{
    BoxError, EventCursor, EventStream, JobCx, Jobs, LoggedEvent, Outcome, Transition, Workers,
};
use sqlx::{Connection as _, PgConnection};
use tokio::sync::Mutex;
use tokio::task::spawn_blocking;
use tokio::time::timeout;

use crate::kit::{Done, LONG, Note, assert_sound, note, run as run_workers};

async fn next(events: &mut EventStream) -> Result<LoggedEvent, BoxError> {
    Ok(timeout(LONG, events.next()).await??)
}

async fn own_server() -> Result<Option<PostgresServer>, BoxError> {
    spawn_blocking(PostgresServer::start).await?
}

async fn crash(mut server: PostgresServer) -> Result<PostgresServer, BoxError> {
    let crashed = spawn_blocking(move || {
        server.stop()?;
        server.start_again()?;
        Ok(server)
    });
    crashed.await?
}

/// A program of the server's, with its arguments.
fn run(name: &str, args: &[&str]) -> Done {
    let versions = std::fs::read_dir("/usr/lib/postgresql")?.flatten();
    let programs: Vec<PathBuf> = versions.map(|one| one.path().join("bin").join(name)).collect();
    let program = programs.into_iter().filter(|path| path.exists()).max();
    let output = Command::new(program.ok_or("no such program")?).args(args).output()?;
    let said = String::from_utf8_lossy(&output.stderr);
    if output.status.success() { Ok(()) } else { Err(format!("{name}: {said}").into()) }
}

#[tokio::test]
async fn a_log_that_was_restored_on_a_younger_server_goes_on() -> Done {
    let (Some(older), Some(younger)) = (own_server().await?, own_server().await?) else {
        return Ok(());
    };
    let (from, to) = (older.database().await?, younger.database().await?);
    let old = Jobs::connect(from.url()).await?;
    // Its numbers are far ahead of those of the other one.
    sqlx::raw_sql(
        "DO $$ BEGIN FOR n IN 1..5000 LOOP PERFORM pg_current_xact_id(); COMMIT; END LOOP; END $$",
    )
    .execute(&mut PgConnection::connect(from.url()).await?)
    .await?;
    let id = old.enqueue(note("old")).await?.id();
    old.cancel(id).await?;
    let waiting = old.enqueue(note("waiting")).await?.id();
    let mut events = old.subscribe(EventCursor::BEGINNING);
    let stored = next(&mut events).await?.cursor;

    let folder = tempfile::tempdir()?;
    let dump = folder.path().join("dump.sql");
    let dump = dump.to_str().ok_or("no name")?;
    run("pg_dump", &["--dbname", from.url(), "--file", dump])?;
    run("psql", &["--dbname", to.url(), "--file", dump, "--quiet", "--set", "ON_ERROR_STOP=1"])?;

    let new = Jobs::connect(to.url()).await?;
    let refused = new.events_after(stored, 1).await.unwrap_err();
    assert!(refused.is_invalid() && refused.to_string().contains("another log"), "{refused}");
    new.cancel(waiting).await?;
    let next_id = new.enqueue(note("new")).await?.id();
    let mut events = new.subscribe(EventCursor::BEGINNING);
    for expected in [
        (id, Transition::Enqueued),
        (id, Transition::Cancelled),
        (waiting, Transition::Enqueued),
        (waiting, Transition::Cancelled),
        (next_id, Transition::Enqueued),
    ] {
        let event = next(&mut events).await?.event;
        assert_eq!((event.job, event.transition), expected);
    }
    // Who comes later finds nothing to do, and the cursors of now go on.
    let later = Jobs::connect(to.url()).await?;
    assert!(later.events_after(events.cursor(), 1).await?.events.is_empty());
    assert_sound(&new).await
}

#[tokio::test]
async fn the_events_of_a_job_come_in_their_order_whatever_transaction_began_first() -> Done {
    let Some(database) = crate::server::database().await? else { return Ok(()) };
    let jobs = Jobs::connect(database.url()).await?;
    // It has its number before there is any job.
    let mut early = jobs.begin_pg().await?;
    let other = jobs.enqueue(note("other")).on_pg(&mut early).await?.id();
    let early = Arc::new(Mutex::new(Some(early)));
    let workers = Workers::new(jobs.clone()).queue("notes", 1);
    let running = run_workers(workers.handle(move |_: Note, cx: JobCx| {
        let early = Arc::clone(&early);
        async move {
            if let Some(mut tx) = early.lock().await.take() {
                cx.complete_in_pg(&mut tx, Outcome::done()).await?;
                tx.commit().await?;
            }
            Done::Ok(())
        }
    }));
    let id = jobs.enqueue(note("of a late number")).await?.id();
    jobs.wait(id, LONG).await?;
    // It is there once the transaction of the first is committed; workers that ended would leave it.
    jobs.wait(other, LONG).await?;
    running.end().await?;

    let mut events = jobs.subscribe(EventCursor::BEGINNING);
    let mut seen = Vec::new();
    while seen.len() < 6 {
        seen.push(next(&mut events).await?);
    }
    assert!(seen.windows(2).all(|pair| pair[0].cursor < pair[1].cursor));
    let of_job: Vec<_> = seen.iter().filter(|one| one.event.job == id).collect();
    let transitions: Vec<_> = of_job.iter().map(|one| one.event.transition).collect();
    assert_eq!(transitions, [Transition::Enqueued, Transition::Started, Transition::Completed]);
    assert!(of_job.windows(2).all(|pair| pair[0].event.sequence < pair[1].event.sequence));
    assert_sound(&jobs).await
}

#[tokio::test]
async fn what_a_subscriber_was_given_outlasts_a_crash_of_the_server() -> Done {
    let Some(server) = own_server().await? else { return Ok(()) };
    let database = server.database().await?;
    let mut conn = PgConnection::connect(database.url()).await?;
    // Commits are answered before they are on disk, and the one who brings them there sleeps.
    sqlx::raw_sql("ALTER ROLE mcsv SET synchronous_commit = off").execute(&mut conn).await?;
    let writer: i32 =
        sqlx::query_scalar("SELECT pid FROM pg_stat_activity WHERE backend_type = 'walwriter'")
            .fetch_one(&mut conn)
            .await?;
    let jobs = Jobs::connect(database.url()).await?;
    assert!(Command::new("kill").args(["-STOP", &writer.to_string()]).status()?.success());

    let id = jobs.enqueue(note("x")).await?.id();
    let heard = next(&mut jobs.subscribe(EventCursor::BEGINNING)).await?;
    assert_eq!(heard.event.job, id);
    let server = crash(server).await?;

    let jobs = Jobs::connect(database.url()).await?;
    assert!(jobs.get(id).await?.is_some(), "a cursor behind it is stored, and it is gone");
    let again = jobs.enqueue(note("y")).await?.id();
    assert_eq!(next(&mut jobs.subscribe(heard.cursor)).await?.event.job, again);
    drop(server);
    Ok(())
}

#[tokio::test]
async fn a_subscriber_waits_for_a_server_that_is_away() -> Done {
    let Some(server) = own_server().await? else { return Ok(()) };
    let database = server.database().await?;
    let jobs = Jobs::connect(database.url()).await?;
    let mut events = jobs.subscribe(EventCursor::BEGINNING);
    let before = jobs.enqueue(note("before")).await?.id();
    assert_eq!(next(&mut events).await?.event.job, before);
    let waiting = tokio::spawn(async move { next(&mut events).await });

    let server = crash(server).await?;
    let after = Jobs::connect(database.url()).await?.enqueue(note("after")).await?.id();

    assert_eq!(waiting.await??.event.job, after);
    drop(server);
    Ok(())
}
