use std::future::IntoFuture as _;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Notify, mpsc};

use crate::store::Inserted;
use crate::testing::kit::{Done, LONG, Note, Queue, Running, note, run};
use crate::{BoxError, Error, Filter, Limits, NewJob, State, Transition, Workers};

async fn insert(queue: &Queue, job: NewJob) -> Result<Inserted, BoxError> {
    let row = queue.jobs.row(&job)?;
    let inserted = queue.jobs.inner.store.insert(vec![row.clone()]).await?;
    queue.jobs.inner.announce(&[row], &inserted);
    Ok(*inserted.first().ok_or("no answer")?)
}

/// The first job that starts as it is enqueued: its worker waits for such.
async fn started_at_once(queue: &Queue) -> Result<Inserted, BoxError> {
    let found = async {
        loop {
            let made = insert(queue, NewJob::new(note("at once"))).await?;
            if made.has_started {
                return Ok(made);
            }
            queue.wait(made.id).await;
        }
    };
    tokio::time::timeout(LONG, found).await?
}

/// Workers whose leases outlast the case: what was lost with one would be missing.
fn with_long_leases(jobs: crate::Jobs) -> Running {
    let workers = Workers::new(jobs).queue("notes", 4).with_lease(Duration::from_secs(3_600));
    run(workers.handle(|_: Note, _| async { Done::Ok(()) }))
}

pub(in crate::testing) async fn an_idle_worker_starts_what_is_enqueued(queue: Queue) -> Done {
    let running = run(queue.workers().handle(|_: Note, _| async { Done::Ok(()) }));
    let made = started_at_once(&queue).await?;
    let record = queue.wait(made.id).await;
    running.end().await;

    assert_eq!((record.state, record.attempt), (State::Completed, 1));
    let events = queue.jobs.events(made.id).await?;
    let told: Vec<_> = events.iter().map(|it| (it.transition, it.state, it.attempt)).collect();
    use Transition::{Completed, Enqueued, Started};
    let expected = [
        (Enqueued, State::Available, 0),
        (Started, State::Executing, 1),
        (Completed, State::Completed, 1),
    ];
    assert_eq!(told, expected);
    assert_eq!(events[0].worker, "");
    assert_eq!(events[1].worker, events[2].worker);
    Ok(())
}

pub(in crate::testing) async fn many_jobs_start_as_they_are_enqueued_and_by_priority(
    queue: Queue,
) -> Done {
    let (started, mut starts) = mpsc::unbounded_channel();
    let running = run(queue.workers().handle(move |job: Note, _| {
        let started = started.clone();
        async move {
            started.send(job.text)?;
            Done::Ok(())
        }
    }));
    let warm = started_at_once(&queue).await?;
    queue.wait(warm.id).await;
    let jobs = [note("low").into(), NewJob::new(note("high")).priority(5), note("lower").into()];
    let made = queue.jobs.enqueue_all(jobs).await?;
    for one in made {
        assert_eq!(queue.wait(one.id()).await.attempt, 1);
    }
    running.end().await;

    let mut ran = Vec::new();
    while let Ok(text) = starts.try_recv() {
        ran.push(text);
    }
    ran.retain(|text| text != "at once");
    assert_eq!(ran.len(), 3);
    assert_eq!(ran[0], "high");
    Ok(())
}

pub(in crate::testing) async fn nothing_starts_as_it_is_enqueued_in_a_queue_that_holds_it_back(
    queue: Queue,
) -> Done {
    let (started, mut starts) = mpsc::unbounded_channel();
    let go_on = Arc::new(Notify::new());
    let gate = Arc::clone(&go_on);
    let running = run(queue.workers().handle(move |job: Note, _| {
        let (started, gate) = (started.clone(), Arc::clone(&gate));
        async move {
            if job.text != "at once" {
                started.send(())?;
                gate.notified().await;
            }
            Done::Ok(())
        }
    }));
    let first = started_at_once(&queue).await?;
    queue.wait(first.id).await;

    queue.other().await.pause("notes").await?;
    let paused = insert(&queue, note("paused").into()).await?;
    assert!(!paused.has_started);
    let record = queue.jobs.get(paused.id).await?.ok_or("no job")?;
    assert_eq!((record.state, record.attempt), (State::Available, 0));
    queue.other().await.resume("notes").await?;
    starts.recv().await;
    go_on.notify_one();
    queue.wait(paused.id).await;

    queue.other().await.limit("notes", Limits::new().with_running(1)).await?;
    let both = [insert(&queue, note("a").into()).await?, insert(&queue, note("b").into()).await?];
    assert!(both.iter().all(|one| !one.has_started));
    starts.recv().await;
    let running_now = Filter::new().with_states([State::Executing]);
    assert_eq!(queue.jobs.list(running_now).await?.jobs.len(), 1);
    go_on.notify_one();
    starts.recv().await;
    go_on.notify_one();
    for one in both {
        assert_eq!(queue.wait(one.id).await.state, State::Completed);
    }
    running.end().await;
    Ok(())
}

pub(in crate::testing) async fn what_is_due_later_or_unique_is_enqueued_as_ever(
    queue: Queue,
) -> Done {
    let running = run(queue.workers().handle(|_: Note, _| async { Done::Ok(()) }));
    let first = started_at_once(&queue).await?;
    queue.wait(first.id).await;

    let later = NewJob::new(note("later")).after(Duration::from_secs(3_600));
    let later = insert(&queue, later).await?;
    assert!(!later.has_started);
    assert_eq!(queue.jobs.get(later.id).await?.ok_or("no job")?.state, State::Scheduled);
    let unique = insert(&queue, note("unique k").into()).await?;
    assert_eq!(queue.wait(unique.id).await.state, State::Completed);
    running.end().await;
    Ok(())
}

pub(in crate::testing) async fn a_caller_who_gives_up_holds_up_no_job(queue: Queue) -> Done {
    let running = with_long_leases(queue.jobs.clone());
    let first = started_at_once(&queue).await?;
    queue.wait(first.id).await;
    for turns in 0..40 {
        let mut enqueue = queue.jobs.enqueue(note("given up")).into_future();
        for _ in 0..turns {
            tokio::select! {
                biased;
                made = &mut enqueue => {
                    made?;
                    break;
                }
                () = tokio::task::yield_now() => {}
            }
        }
        drop(enqueue);
    }
    // What was asked for before this is in the queue, or never will be.
    let last = queue.jobs.enqueue(note("last")).await?.id();
    queue.wait(last).await;
    for job in queue.jobs.list(Filter::new()).await?.jobs {
        let record = queue.wait(job.id).await;
        assert_eq!((record.state, record.attempt), (State::Completed, 1));
    }
    running.end().await;
    Ok(())
}

pub(in crate::testing) async fn a_shutdown_while_a_job_is_enqueued_leaves_it_to_the_next_worker(
    queue: Queue,
) -> Done {
    for turns in 0..12 {
        let running = with_long_leases(queue.jobs.clone());
        let first = started_at_once(&queue).await?;
        queue.wait(first.id).await;
        let enqueue = async { Ok::<_, Error>(queue.jobs.enqueue(note("between")).await?.id()) };
        let end = async {
            for _ in 0..turns {
                tokio::task::yield_now().await;
            }
            running.end().await;
        };
        let (id, ()) = tokio::join!(enqueue, end);
        let record = queue.jobs.get(id?).await?.ok_or("no job")?;
        let left = (record.state, record.attempt);
        assert!(
            [(State::Completed, 1), (State::Available, 0)].contains(&left),
            "{left:?} after {turns} turns"
        );
    }
    let next = with_long_leases(queue.jobs.clone());
    for job in queue.jobs.list(Filter::new()).await?.jobs {
        assert_eq!(queue.wait(job.id).await.attempt, 1);
    }
    next.end().await;
    Ok(())
}
