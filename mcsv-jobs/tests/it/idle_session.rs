use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use mcsv_jobs::{JobCx, Jobs, NewJob, State, Workers};
use sqlx::{Connection as _, PgConnection};
use tokio::sync::{Notify, mpsc};

use crate::kit::{Done, LONG, Note, assert_sound, note, run, run_gated};

#[tokio::test]
async fn a_session_that_idles_in_a_transaction_holds_up_only_the_rows_it_locked() -> Done {
    let Some(database) = crate::server::database().await? else { return Ok(()) };
    let jobs = Jobs::connect(database.url()).await?;
    let made = jobs.enqueue_all((0..100).map(|n| note(&n.to_string()))).await?;
    let mut idle = PgConnection::connect(database.url()).await?;
    // It keeps its snapshot, and one job.
    sqlx::raw_sql("BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT count(*) FROM mcsv_jobs")
        .execute(&mut idle)
        .await?;
    sqlx::query("SELECT id FROM mcsv_jobs WHERE id = $1 FOR UPDATE")
        .bind(made[0].id().get())
        .execute(&mut idle)
        .await?;

    let workers = Workers::new(jobs.clone()).queue("notes", 8);
    let workers = run(workers.handle(|_: Note, _: JobCx| async { Done::Ok(()) }));
    let more = jobs.enqueue_all((0..100).map(|n| note(&n.to_string()))).await?;
    for one in made[1..].iter().chain(&more) {
        assert_eq!(jobs.wait(one.id(), LONG).await?.state, State::Completed);
    }
    // Whoever starts meanwhile has nothing to wait for either.
    let late = Jobs::connect(database.url()).await?;
    let locked = late.get(made[0].id()).await?.ok_or("no job")?;
    assert_eq!((locked.state, locked.attempt), (State::Available, 0));

    idle.close().await?;
    assert_eq!(jobs.wait(made[0].id(), LONG).await?.state, State::Completed);
    workers.end().await?;
    assert_sound(&jobs).await
}

#[tokio::test]
async fn a_session_that_locks_a_running_job_holds_up_its_outcome_alone() -> Done {
    let Some(database) = crate::server::database().await? else { return Ok(()) };
    let jobs = Jobs::connect(database.url()).await?;
    let (started, mut starts) = mpsc::unbounded_channel();
    let go_on = Arc::new(Notify::new());
    let gate = Arc::clone(&go_on);
    let workers = Workers::new(jobs.clone()).queue("notes", 2).with_lease(Duration::from_secs(3));
    let workers = run(workers.handle(move |note: Note, cx: JobCx| {
        let (started, gate) = (started.clone(), Arc::clone(&gate));
        async move {
            if note.text == "locked" {
                started.send(cx.id())?;
                gate.notified().await;
            }
            Done::Ok(())
        }
    }));
    let locked = jobs.enqueue(note("locked")).await?.id();
    starts.recv().await;
    let mut idle = PgConnection::connect(database.url()).await?;
    sqlx::raw_sql("BEGIN").execute(&mut idle).await?;
    sqlx::query("SELECT id FROM mcsv_jobs WHERE id = $1 FOR UPDATE")
        .bind(locked.get())
        .execute(&mut idle)
        .await?;

    go_on.notify_one();
    for n in 0..20 {
        let id = jobs.enqueue(note(&n.to_string())).await?.id();
        assert_eq!(jobs.wait(id, LONG).await?.state, State::Completed);
    }
    let before = jobs.get(locked).await?.ok_or("no job")?;
    assert_eq!((before.state, before.attempt), (State::Executing, 1));

    idle.close().await?;
    let after = jobs.wait(locked, LONG).await?;
    assert_eq!((after.state, after.attempt), (State::Completed, 1));
    workers.end().await?;
    assert_sound(&jobs).await
}

#[tokio::test]
async fn what_is_committed_late_starts_while_the_queue_is_full() -> Done {
    starts_in_a_full_queue(NewJob::new).await
}

#[tokio::test]
async fn what_is_committed_late_starts_while_the_queue_is_full_of_what_is_due() -> Done {
    starts_in_a_full_queue(|note| NewJob::new(note).after(Duration::from_millis(1))).await
}

async fn starts_in_a_full_queue(new: fn(Note) -> NewJob) -> Done {
    let Some(database) = crate::server::database().await? else { return Ok(()) };
    let jobs = Jobs::connect(database.url()).await?;
    let mut tx = jobs.begin_pg().await?;
    let late = jobs.enqueue(new(note("late"))).on_pg(&mut tx).await?.id();
    jobs.enqueue_all((0..40).map(|n| new(note(&n.to_string())))).await?;
    let (seen, mut runs) = mpsc::unbounded_channel();
    let has_come = Arc::new(AtomicBool::new(false));
    let workers = Workers::new(jobs.clone()).queue("notes", 4);
    let workers = run(workers.handle({
        let (jobs, has_come) = (jobs.clone(), Arc::clone(&has_come));
        move |_: Note, cx: JobCx| {
            let (jobs, has_come, seen) = (jobs.clone(), Arc::clone(&has_come), seen.clone());
            async move {
                if cx.id() == late {
                    has_come.store(true, Ordering::Relaxed);
                } else if !has_come.load(Ordering::Relaxed) {
                    // As many wait as before.
                    jobs.enqueue(new(note("more"))).await?;
                }
                Done::Ok(seen.send(cx.id())?)
            }
        }
    }));
    for _ in 0..40 {
        runs.recv().await;
    }

    tx.commit().await?;

    assert_eq!(jobs.wait(late, LONG).await?.state, State::Completed);
    workers.end().await?;
    assert_sound(&jobs).await
}

#[tokio::test]
async fn a_row_that_is_locked_beyond_its_lease_costs_a_live_worker_nothing() -> Done {
    let Some(database) = crate::server::database().await? else { return Ok(()) };
    let jobs = Jobs::connect(database.url()).await?;
    let lease = Duration::from_secs(2);
    let workers = |jobs| Workers::new(jobs).queue("notes", 1).with_lease(lease);
    let (first, mut starts, go_on) = run_gated(workers(jobs.clone()));
    let id = jobs.enqueue(note("held")).await?.id();
    starts.recv().await;
    let rescuer = workers(Jobs::connect(database.url()).await?);
    let rescuer = run(rescuer.handle(|_: Note, _: JobCx| async { Done::Ok(()) }));

    let mut other = PgConnection::connect(database.url()).await?;
    let mut conn = PgConnection::connect(database.url()).await?;
    let has_lease = "SELECT lease_until > mcsv_jobs_now() FROM mcsv_jobs";
    for _ in 0..3 {
        sqlx::raw_sql("BEGIN; SELECT 1 FROM mcsv_jobs FOR UPDATE").execute(&mut other).await?;
        while sqlx::query_scalar::<_, bool>(has_lease).fetch_one(&mut conn).await? {}
        sqlx::raw_sql("COMMIT").execute(&mut other).await?;
        while !sqlx::query_scalar::<_, bool>(has_lease).fetch_one(&mut conn).await? {}
    }
    go_on.notify_one();
    let record = jobs.wait(id, LONG).await?;
    first.end().await?;
    rescuer.end().await?;

    assert_eq!((record.state, record.attempt), (State::Completed, 1));
    assert_sound(&jobs).await
}
