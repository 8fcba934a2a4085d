use std::time::Duration;

use crate::{JobCx, State, Transition};
use tokio::sync::mpsc;

use crate::testing::kit::{Done, Note, Queue, note, run, run_gated};

pub(in crate::testing) async fn a_shutdown_lets_the_running_job_end_and_starts_no_other(
    queue: Queue,
) -> Done {
    let (running, mut starts, go_on) = run_gated(queue.workers().queue("notes", 1));
    let made = queue.jobs.enqueue_all([note("running"), note("waiting")]).await?;
    starts.recv().await;

    running.begin_end();
    tokio::task::yield_now().await;
    go_on.notify_one();
    running.end().await;

    let ran = queue.jobs.get(made[0].id()).await?.ok_or("no job")?;
    let waits = queue.jobs.get(made[1].id()).await?.ok_or("no job")?;
    assert_eq!(ran.state, State::Completed);
    assert_eq!((waits.state, waits.attempt), (State::Available, 0));
    Ok(())
}

pub(in crate::testing) async fn a_shutdown_before_the_start_waits_for_nothing(
    queue: Queue,
) -> Done {
    const HOUR: Duration = Duration::from_secs(3_600);
    let waiting = queue.jobs.enqueue(note("waiting")).await?.id();
    let workers = queue.workers().queue("others", 1).with_drain(HOUR);

    // Its first poll comes after the shutdown.
    run(workers.handle(|_: Note, _| async { Done::Ok(()) })).end().await;

    let waits = queue.jobs.get(waiting).await?.ok_or("no job")?;
    assert_eq!((waits.state, waits.attempt), (State::Available, 0));
    Ok(())
}

pub(in crate::testing) async fn a_job_that_outlasts_the_drain_goes_back_without_an_attempt_used_up(
    queue: Queue,
) -> Done {
    let (started, mut starts) = mpsc::unbounded_channel();
    let workers = queue.workers().with_drain(Duration::from_millis(1));
    let running = run(workers.handle(move |_: Note, cx: JobCx| {
        let started = started.clone();
        async move {
            started.send(cx.id())?;
            std::future::pending::<()>().await;
            Done::Ok(())
        }
    }));
    let id = queue.jobs.enqueue(note("long")).await?.id();
    starts.recv().await;

    running.end().await;

    let record = queue.jobs.get(id).await?.ok_or("no job")?;
    assert_eq!((record.state, record.attempt), (State::Available, 0));
    let last = queue.jobs.events(id).await?.pop().ok_or("no event")?;
    assert_eq!(last.transition, Transition::Released);
    Ok(())
}

pub(in crate::testing) async fn workers_that_are_dropped_give_their_jobs_back(
    queue: Queue,
) -> Done {
    let (started, mut starts) = mpsc::unbounded_channel();
    let running = run(queue.workers().handle(move |_: Note, cx: JobCx| {
        let started = started.clone();
        async move {
            started.send(cx.id())?;
            std::future::pending::<()>().await;
            Done::Ok(())
        }
    }));
    let id = queue.jobs.enqueue(note("orphan")).await?.id();
    starts.recv().await;

    running.abort().await;
    let again = run(queue.workers().handle(|_: Note, _| async { Done::Ok(()) }));

    assert_eq!(queue.wait(id).await.state, State::Completed);
    again.end().await;
    Ok(())
}

pub(in crate::testing) async fn a_shutdown_under_load_loses_no_job_and_repeats_none(
    queue: Queue,
) -> Done {
    const JOBS: usize = 300;
    let (seen, mut runs) = mpsc::unbounded_channel();
    let handler = move |_: Note, cx: JobCx| {
        let seen = seen.clone();
        async move {
            tokio::task::yield_now().await;
            Done::Ok(seen.send(cx.id())?)
        }
    };
    let other = queue.other().await;
    let workers = |jobs: &crate::Jobs| {
        run(crate::Workers::new(jobs.clone()).queue("notes", 8).handle(handler.clone()))
    };
    let mut running = vec![workers(&queue.jobs), workers(&other)];
    // Callers go on while the workers end and others take their places, in both processes.
    let enqueuing = tokio::spawn({
        let jobs = queue.jobs.clone();
        async move {
            let mut made = Vec::new();
            for n in 0..JOBS {
                made.push(jobs.enqueue(note(&n.to_string())).await?.id());
            }
            Ok::<_, crate::Error>(made)
        }
    });
    let mut ran = Vec::new();
    for round in 1..=4 {
        while ran.len() < round * JOBS / 6 {
            ran.extend(runs.recv().await);
        }
        running.remove(0).end().await;
        running.push(workers(if round % 2 == 0 { &other } else { &queue.jobs }));
    }
    let made = enqueuing.await??;
    for id in &made {
        let record = queue.wait(*id).await;
        assert_eq!((record.state, record.attempt), (State::Completed, 1));
    }
    for workers in running {
        workers.end().await;
    }
    drop(handler);

    while let Some(id) = runs.recv().await {
        ran.push(id);
    }
    ran.sort_unstable();
    assert_eq!(ran, made, "each ran once");
    Ok(())
}
