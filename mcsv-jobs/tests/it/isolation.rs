//! Transactions of others that get in the way, and databases where they are stricter by default than the
//! queue's need to be.

use futures_util::future::{join, join_all};
use mcsv_jobs::testing::Database;
use mcsv_jobs::{BoxError, JobCx, Jobs, State, Workers};
use sqlx::{Connection as _, PgConnection};

use crate::counters::Counters;
use crate::kit::{Done, LONG, Note, assert_sound, note, run, run_gated};
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

#[tokio::test]
async fn an_outcome_that_is_written_after_all_is_counted_as_finished() -> Done {
    let Some(database) = crate::server::database().await? else { return Ok(()) };
    let counters = Counters::default();
    let _counting = metrics::set_default_local_recorder(&counters);
    let mut warnings = Warnings::hear();
    let jobs = Jobs::connect(database.url()).await?;
    let workers = Workers::new(jobs.clone()).queue("notes", 2);
    let (workers, mut starts, go_on) =
        run_gated(workers.with_lease(std::time::Duration::from_secs(3)));
    let held = jobs.enqueue(note("held")).await?.id();
    starts.recv().await;
    let mut other = PgConnection::connect(database.url()).await?;
    let mut tx = other.begin().await?;
    sqlx::query("SELECT 1 FROM mcsv_jobs WHERE id = $1 FOR UPDATE")
        .bind(held.get())
        .execute(&mut *tx)
        .await?;

    go_on.notify_one();
    warnings.next_with("outcomes not written").await;
    // The next turn goes around what is locked, and is a success.
    let next = jobs.enqueue(note("next")).await?.id();
    starts.recv().await;
    go_on.notify_one();
    assert_eq!(jobs.wait(next, LONG).await?.state, State::Completed);
    tx.commit().await?;

    assert_eq!(jobs.wait(held, LONG).await?.state, State::Completed);
    workers.end().await?;
    let counted = ["jobs_finished_total", "jobs_lease_lost_total"].map(|name| counters.get(name));
    assert_eq!(counted, [2, 0], "{:?}", warnings.rest());
    assert_sound(&jobs).await
}

#[tokio::test]
async fn bulks_with_the_same_keys_in_any_order_are_all_answered() -> Done {
    let Some(database) = crate::server::database().await? else { return Ok(()) };
    let jobs = Jobs::connect(database.url()).await?;
    let workers = Workers::new(jobs.clone()).queue("notes", 20);
    let workers = run(workers.handle(|_: Note, _: JobCx| async { Done::Ok(()) }));

    let callers = (0..4).map(|_| async {
        let mut keys: Vec<u32> = (0..90).collect();
        for _ in 0..6 {
            fastrand::shuffle(&mut keys);
            let bulk = keys.iter().take(60).map(|key| note(&format!("unique {key}")));
            assert_eq!(jobs.enqueue_all(bulk).await?.len(), 60);
        }
        Done::Ok(())
    });
    for answered in join_all(callers).await {
        answered?;
    }
    workers.end().await?;
    assert_sound(&jobs).await
}

#[tokio::test]
async fn a_retry_beside_an_enqueue_of_its_key_goes_through_or_is_a_conflict() -> Done {
    let Some(database) = crate::server::database().await? else { return Ok(()) };
    let jobs = Jobs::connect(database.url()).await?;
    let other = Jobs::connect(database.url()).await?;
    for turn in 0..60 {
        let key = format!("unique {turn}");
        let id = jobs.enqueue(note(&key)).await?.id();
        jobs.cancel(id).await?;
        let (retried, enqueued) =
            join(jobs.retry(id), async { other.enqueue(note(&key)).await }).await;
        match retried {
            Ok(_) => assert_eq!((enqueued?.id(), turn), (id, turn)),
            Err(error) => assert!(error.is_conflict() && enqueued?.is_new(), "{error}"),
        }
    }
    assert_sound(&jobs).await
}
