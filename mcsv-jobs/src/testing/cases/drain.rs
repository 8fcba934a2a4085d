use std::sync::Arc;
use std::time::Duration;

use crate::{JobCx, State, Transition};
use tokio::sync::{Notify, mpsc};

use crate::testing::kit::{Done, Note, Queue, note, run};

pub(in crate::testing) async fn a_shutdown_lets_the_running_job_end_and_starts_no_other(
    queue: Queue,
) -> Done {
    let (started, mut starts) = mpsc::unbounded_channel();
    let go_on = Arc::new(Notify::new());
    let gate = Arc::clone(&go_on);
    let running = run(queue.workers().queue("notes", 1).handle(move |_: Note, cx: JobCx| {
        let (started, gate) = (started.clone(), Arc::clone(&gate));
        async move {
            started.send(cx.id())?;
            gate.notified().await;
            Done::Ok(())
        }
    }));
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
