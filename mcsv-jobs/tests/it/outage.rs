use std::collections::BTreeSet;
use std::time::Duration;

use mcsv_jobs::testing::PostgresServer;
use mcsv_jobs::{Enqueued, JobCx, JobId, Jobs, State, Workers};
use sqlx::{Connection, PgConnection};
use tokio::sync::mpsc::{self, UnboundedReceiver};

use crate::kit::{Done, LONG, Note, Running, assert_sound, note, run, run_gated};

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

/// The sessions that wait to be told of new work.
pub(crate) async fn listens(conn: &mut PgConnection) -> Result<BTreeSet<i32>, sqlx::Error> {
    let pids: Vec<i32> = sqlx::query_scalar(
        "SELECT pid FROM pg_stat_activity
         WHERE datname = current_database() AND query LIKE 'LISTEN%mcsv_jobs%'",
    )
    .fetch_all(conn)
    .await?;
    Ok(pids.into_iter().collect())
}

const IN_FLIGHT: usize = 4;

/// Workers in the middle of many jobs.
struct Scene {
    made: Vec<Enqueued>,
    ran: Vec<JobId>,
    runs: UnboundedReceiver<JobId>,
    workers: Running,
}

impl Scene {
    async fn open(
        jobs: &Jobs,
        number: usize,
        in_flight: usize,
    ) -> Result<Scene, mcsv_jobs::BoxError> {
        let made = jobs.enqueue_all((0..number).map(|n| note(&n.to_string()))).await?;
        let (seen, runs) = mpsc::unbounded_channel();
        let workers = Workers::new(jobs.clone()).queue("notes", in_flight);
        let workers = workers.handle(move |_: Note, cx: JobCx| {
            let seen = seen.clone();
            async move {
                // The work itself: long enough for the outage to fall into it.
                tokio::time::sleep(Duration::from_millis(5)).await;
                Done::Ok(seen.send(cx.id())?)
            }
        });
        Ok(Scene { made, ran: Vec::new(), runs, workers: run(workers) })
    }

    async fn until(&mut self, ran: usize) {
        while self.ran.len() < ran {
            self.ran.extend(self.runs.recv().await);
        }
    }

    /// All of them end, up to `again` ran twice, and none has an attempt of the outage's.
    async fn close(mut self, url: &str, again: usize) -> Done {
        // Another handle: what the callers of the first meet now may fail as retryable.
        let watching = Jobs::connect(url).await?;
        for one in &self.made {
            let record = watching.wait(one.id(), LONG).await?;
            assert_eq!((record.state, record.attempt), (State::Completed, 1));
        }
        let mut conn = PgConnection::connect(url).await?;
        while listens(&mut conn).await?.is_empty() {}
        self.workers.end().await?;
        while let Some(id) = self.runs.recv().await {
            self.ran.push(id);
        }
        let runs = self.ran.len();
        self.ran.sort_unstable();
        self.ran.dedup();
        assert_eq!(self.ran, self.made.iter().map(Enqueued::id).collect::<Vec<_>>());
        assert!(runs <= self.ran.len() + again, "{runs} runs");
        assert_sound(&watching).await
    }
}

#[tokio::test]
async fn workers_outlive_the_end_of_all_their_sessions_and_run_nothing_twice() -> Done {
    let Some(database) = crate::server::database().await? else { return Ok(()) };
    let jobs = Jobs::connect(database.url()).await?;
    let mut scene = Scene::open(&jobs, 400, IN_FLIGHT).await?;
    for outage in 1..=10 {
        scene.until(outage * 30).await;
        assert!(end_sessions(database.url()).await? > 0);
    }
    scene.close(database.url(), 0).await
}

#[tokio::test]
async fn workers_with_more_than_one_claim_under_way_outlive_them_all() -> Done {
    let Some(database) = crate::server::database().await? else { return Ok(()) };
    let jobs = Jobs::connect(database.url()).await?;
    let mut scene = Scene::open(&jobs, 3_000, 1_000).await?;
    let mut ended = 0;
    for outage in 1..=5 {
        scene.until(outage * 400).await;
        ended += end_sessions(database.url()).await?;
    }
    assert!(ended > 0);
    scene.close(database.url(), 0).await
}

/// A server that these tests may stop; none where none is installed.
async fn own_server() -> Result<Option<PostgresServer>, mcsv_jobs::BoxError> {
    tokio::task::spawn_blocking(PostgresServer::start).await?
}

#[tokio::test]
async fn workers_outlive_the_crash_of_the_server_and_lose_no_answered_job() -> Done {
    let Some(mut server) = own_server().await? else { return Ok(()) };
    let database = server.database().await?;
    let url = database.url().to_owned();
    let jobs = Jobs::connect(&url).await?;
    let mut scene = Scene::open(&jobs, 100, IN_FLIGHT).await?;
    scene.until(30).await;

    let mut server = tokio::task::spawn_blocking(move || server.stop().map(|()| server)).await??;
    let refused = jobs.enqueue(note("during")).await.unwrap_err();
    assert!(refused.is_retryable(), "{refused:?}");
    let server =
        tokio::task::spawn_blocking(move || server.start_again().map(|()| server)).await??;

    // A crash may take the last claims back, and their jobs run again: of a claim that ran while the
    // outcomes of the one before were on their way, and those.
    scene.close(&url, 2 * IN_FLIGHT).await?;
    drop(server);
    Ok(())
}

#[tokio::test]
async fn workers_wait_for_a_server_that_became_read_only() -> Done {
    let Some(server) = own_server().await? else { return Ok(()) };
    let database = server.database().await?;
    let jobs = Jobs::connect(database.url()).await?;
    let mut scene = Scene::open(&jobs, 100, IN_FLIGHT).await?;
    scene.until(30).await;

    let mut conn = PgConnection::connect(database.url()).await?;
    set_read_only(&mut conn, "on").await?;
    // Each session hears of it in its own time.
    let refused = loop {
        let during = jobs.enqueue(note("during")).queue("others")?;
        if let Err(refused) = during.await {
            break refused;
        }
    };
    assert!(refused.is_retryable(), "{refused:?}");
    set_read_only(&mut conn, "off").await?;

    scene.close(database.url(), 0).await
}

/// For all sessions; returns when that of `conn` has it.
async fn set_read_only(conn: &mut PgConnection, value: &str) -> Done {
    let set = format!("ALTER SYSTEM SET default_transaction_read_only = {value}");
    sqlx::raw_sql(sqlx::AssertSqlSafe(set)).execute(&mut *conn).await?;
    sqlx::raw_sql("SELECT pg_reload_conf()").execute(&mut *conn).await?;
    let show = "SELECT current_setting('default_transaction_read_only')";
    while sqlx::query_scalar::<_, String>(show).fetch_one(&mut *conn).await? != value {}
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

/// The sessions that hold the lock by which a process is known to live.
async fn lock_holders(conn: &mut PgConnection) -> Result<BTreeSet<i32>, sqlx::Error> {
    let pids: Vec<i32> = sqlx::query_scalar(
        "SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND granted
            AND database = (SELECT oid FROM pg_database WHERE datname = current_database())",
    )
    .fetch_all(conn)
    .await?;
    Ok(pids.into_iter().collect())
}

#[tokio::test]
async fn a_worker_whose_server_takes_no_new_session_does_not_pass_for_dead() -> Done {
    let Some(database) = crate::server::database().await? else { return Ok(()) };
    let mut conn = PgConnection::connect(database.url()).await?;
    let jobs = Jobs::connect(database.url()).await?;
    let (workers, mut starts, go_on) = run_gated(Workers::new(jobs.clone()).queue("notes", 1));
    let id = jobs.enqueue(note("held")).await?.id();
    starts.recv().await;
    let first = loop {
        let holders = lock_holders(&mut conn).await?;
        if !holders.is_empty() {
            break holders;
        }
    };

    // Sessions that there are go on; the one that is ended can't be had again.
    let name: String = sqlx::query_scalar("SELECT current_database()").fetch_one(&mut conn).await?;
    let other = database.url().replace(&format!("/{name}?"), "/postgres?");
    let mut other = PgConnection::connect(&other).await?;
    let allow = |whether: bool| {
        sqlx::AssertSqlSafe(format!("ALTER DATABASE {name} ALLOW_CONNECTIONS {whether}"))
    };
    sqlx::raw_sql(allow(false)).execute(&mut other).await?;
    for pid in &first {
        sqlx::query("SELECT pg_terminate_backend($1)").bind(pid).execute(&mut conn).await?;
    }
    // Ends because one of the workers' sessions takes the lock.
    let taken = async {
        while lock_holders(&mut conn).await?.is_subset(&first) {}
        Ok::<_, sqlx::Error>(())
    };
    tokio::time::timeout(LONG, taken).await??;

    // A caller may need another session than the one that it had.
    sqlx::raw_sql(allow(true)).execute(&mut other).await?;
    go_on.notify_one();
    assert_eq!(jobs.wait(id, LONG).await?.attempt, 1);
    workers.end().await?;
    assert_sound(&jobs).await
}
