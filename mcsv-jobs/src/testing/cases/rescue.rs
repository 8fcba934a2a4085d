use std::time::Duration;

use crate::{BoxError, Filter, JobCx, JobId, Outcome, State, Transition, Workers};
use futures_util::future::join_all;
use tokio::sync::mpsc;

use crate::testing::kit::{Done, Note, Queue, note, run, run_gated};

/// Makes every lease look as if its worker had been stopped for too long.
async fn expire_leases(queue: &Queue) -> Done {
    queue.bend("UPDATE mcsv_jobs SET lease_until = 0 WHERE state = 'executing'").await
}

pub(in crate::testing) async fn an_orphan_runs_again_and_the_late_answer_of_its_first_worker_is_refused(
    queue: Queue,
) -> Done {
    let (started, mut starts) = mpsc::unbounded_channel();
    let (ended, mut ends) = mpsc::unbounded_channel();
    // Either may have the second attempt: the first has places left.
    let workers = |jobs| {
        let (started, ended) = (started.clone(), ended.clone());
        run(Workers::new(jobs).queue("notes", 4).handle(move |_: Note, cx: JobCx| {
            let (started, ended) = (started.clone(), ended.clone());
            async move {
                if cx.attempt() > 1 {
                    return Ok::<_, BoxError>(Outcome::done().with_result("in time"));
                }
                started.send(cx.id())?;
                cx.lease_lost().await;
                ended.send(())?;
                Ok(Outcome::done().with_result("late").then(note("late follow-up")))
            }
        }))
    };
    let stalled = workers(queue.jobs.clone());
    let id = queue.jobs.enqueue(note("x")).await?.id();
    starts.recv().await;
    expire_leases(&queue).await?;

    let second = workers(queue.other().await);
    let record = queue.wait(id).await;
    ends.recv().await;
    stalled.end().await;
    second.end().await;

    assert_eq!((record.state, record.attempt), (State::Completed, 2));
    let after = queue.jobs.get(id).await?.ok_or("no job")?;
    assert_eq!(after.result, Some("in time".into()));
    let events = queue.jobs.events(id).await?;
    let transitions: Vec<_> = events.iter().map(|event| event.transition).collect();
    use Transition::{Completed, Enqueued, Rescued, Started};
    assert_eq!(transitions, [Enqueued, Started, Rescued, Started, Completed]);
    assert!(queue.jobs.get(JobId::new(id.get() + 1)?).await?.is_none(), "the late follow-up");
    Ok(())
}

pub(in crate::testing) async fn a_job_that_loses_its_worker_every_time_is_a_dead_letter(
    queue: Queue,
) -> Done {
    let (started, mut starts) = mpsc::unbounded_channel();
    let stalled = run(queue.workers().handle(move |_: Note, cx: JobCx| {
        let started = started.clone();
        async move {
            started.send(cx.id())?;
            cx.lease_lost().await;
            Done::Ok(())
        }
    }));
    let id = queue.jobs.enqueue(note("poison")).max_attempts(1).await?.id();
    starts.recv().await;
    expire_leases(&queue).await?;

    let second = Workers::new(queue.other().await).queue("notes", 1);
    let second = run(second.handle(|_: Note, _: JobCx| async { Done::Ok(()) }));
    let record = queue.wait(id).await;
    stalled.end().await;
    second.end().await;

    assert_eq!((record.state, record.attempt), (State::Discarded, 1));
    Ok(())
}

pub(in crate::testing) async fn a_unique_key_that_is_asked_for_during_a_rescue_stays_with_one_job(
    queue: Queue,
) -> Done {
    let (started, mut starts) = mpsc::unbounded_channel();
    let stalled = run(queue.workers().handle(move |_: Note, cx: JobCx| {
        let started = started.clone();
        async move {
            // Nobody listens any more once both have begun: what is claimed after that just ends.
            if started.send(cx.id()).is_ok() {
                cx.lease_lost().await;
            }
            Done::Ok(())
        }
    }));
    let asked = queue.jobs.enqueue(note("unique k")).max_attempts(1).await?.id();
    let beside = queue.jobs.enqueue(note("beside")).await?.id();
    starts.recv().await;
    starts.recv().await;
    drop(starts);
    expire_leases(&queue).await?;

    // Its dead letter asks for the key in the transaction that frees it, and callers all the time.
    let second = Workers::new(queue.other().await).queue("notes", 2);
    let second = second.handle(|_: Note, _: JobCx| async { Done::Ok(()) });
    let second = run(second
        .on_discard(|_: &Note, _: &crate::Failure| vec![crate::NewJob::new(note("unique k"))]));
    let mut answers = Vec::new();
    loop {
        let both = join_all((0..8).map(|_| async { queue.jobs.enqueue(note("unique k")).await }));
        answers.extend(both.await.into_iter().collect::<Result<Vec<_>, _>>()?);
        let unfinished = Filter::new().with_states(State::UNFINISHED);
        let unfinished = queue.jobs.list(unfinished.with_unique_keys(["k"])).await?.jobs;
        assert!(unfinished.len() <= 1, "{unfinished:?}");
        if queue.jobs.get(asked).await?.is_some_and(|job| job.state.is_finished()) {
            break;
        }
    }
    assert_eq!(queue.wait(asked).await.state, State::Discarded);
    assert_eq!(queue.wait(beside).await.state, State::Completed);
    // Whoever was answered has a job, and each of these has ended with an outcome of its own.
    let ids: std::collections::BTreeSet<_> = answers.iter().map(|one| one.id()).collect();
    for id in ids.into_iter().filter(|id| *id != asked) {
        assert_eq!(queue.wait(id).await.state, State::Completed);
    }
    stalled.end().await;
    second.end().await;
    Ok(())
}

pub(in crate::testing) async fn a_job_that_is_too_old_for_another_attempt_is_not_rescued(
    queue: Queue,
) -> Done {
    let (stalled, mut starts, _go_on) = run_gated(queue.workers());
    let id = queue.jobs.enqueue(note("old")).await?.id();
    starts.recv().await;
    queue.bend("UPDATE mcsv_jobs SET budget_from = 0").await?;
    expire_leases(&queue).await?;

    let (second, _starts, _) = run_gated(Workers::new(queue.other().await).queue("notes", 1));
    let record = queue.wait(id).await;
    stalled.abort().await;
    second.end().await;

    assert_eq!((record.state, record.attempt, record.max_attempts), (State::Discarded, 1, 3));
    Ok(())
}

pub(in crate::testing) async fn a_worker_that_is_busy_for_longer_than_its_lease_keeps_its_jobs(
    queue: Queue,
) -> Done {
    let lease = Duration::from_secs(1);
    let (started, mut starts) = mpsc::unbounded_channel();
    let workers = |jobs: crate::Jobs| {
        let (clock, started) = (jobs.clone(), started.clone());
        run(Workers::new(jobs).queue("notes", 2).with_lease(lease).handle(
            move |_: Note, cx: JobCx| {
                let (clock, started) = (clock.clone(), started.clone());
                async move {
                    started.send(cx.id())?;
                    // By the clock that leases run out by.
                    let until = clock.inner.store.now().await? + 1_200;
                    while clock.inner.store.now().await? < until {}
                    Done::Ok(())
                }
            },
        ))
    };
    let made = queue.jobs.enqueue_all((0..6).map(|n| note(&n.to_string()))).await?;
    // The second has places left, and looks for what others have lost.
    let both = [workers(queue.jobs.clone()), workers(queue.other().await)];
    for one in &made {
        let record = queue.wait(one.id()).await;
        assert_eq!((record.state, record.attempt), (State::Completed, 1));
    }
    for workers in both {
        workers.end().await;
    }
    let mut ran = Vec::new();
    while let Ok(id) = starts.try_recv() {
        ran.push(id);
    }
    ran.sort_unstable();
    assert_eq!(ran, made.iter().map(|one| one.id()).collect::<Vec<_>>());
    Ok(())
}

/// Takes the claims back that nobody has ended, as a crash does with those that no disk has seen.
async fn take_claims_back(queue: &Queue) -> Done {
    queue
        .bend(
            "UPDATE mcsv_jobs SET state = 'available', fence = fence - 1, attempt = attempt - 1,
                lease_owner = NULL, lease_until = NULL, attempted_at = NULL, attempted_by = NULL;
             DELETE FROM mcsv_job_events WHERE transition = 'started'",
        )
        .await
}

pub(in crate::testing) async fn an_attempt_whose_claim_a_crash_took_back_cannot_end_the_next_one(
    queue: Queue,
) -> Done {
    let (started, mut starts) = mpsc::unbounded_channel();
    let gates = [(); 2].map(|()| std::sync::Arc::new(tokio::sync::Notify::new()));
    let workers = |jobs, result: &'static str, gate: usize| {
        let (started, gate) = (started.clone(), std::sync::Arc::clone(&gates[gate]));
        run(Workers::new(jobs).queue("notes", 1).handle(move |_: Note, _: JobCx| {
            let (started, gate) = (started.clone(), std::sync::Arc::clone(&gate));
            async move {
                started.send(result)?;
                gate.notified().await;
                Ok::<_, BoxError>(Outcome::done().with_result(result))
            }
        }))
    };
    let first = workers(queue.jobs.clone(), "of the lost claim", 0);
    let id = queue.jobs.enqueue(note("x")).await?.id();
    assert_eq!(starts.recv().await, Some("of the lost claim"));
    take_claims_back(&queue).await?;
    let second = workers(queue.other().await, "of the next", 1);
    assert_eq!(starts.recv().await, Some("of the next"));

    // Its claim had the number that the other's has now.
    gates[0].notify_one();
    first.end().await;
    let between = queue.jobs.get(id).await?.ok_or("no job")?;
    assert_eq!((between.state, between.result), (State::Executing, None));
    gates[1].notify_one();
    let record = queue.wait(id).await;
    second.end().await;

    assert_eq!((record.attempt, record.result), (1, Some("of the next".into())));
    Ok(())
}

pub(in crate::testing) async fn a_worker_that_claims_again_what_a_crash_took_back_tells_the_first_attempt(
    queue: Queue,
) -> Done {
    let (started, mut starts) = mpsc::unbounded_channel();
    let runs = std::sync::Arc::new(std::sync::atomic::AtomicU32::new(0));
    let workers = run(queue.workers().handle(move |_: Note, cx: JobCx| {
        let (started, runs) = (started.clone(), std::sync::Arc::clone(&runs));
        async move {
            let run = runs.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
            started.send(cx.id())?;
            if run > 0 {
                return Ok::<_, BoxError>(Outcome::done().with_result("in time"));
            }
            cx.lease_lost().await;
            Ok(Outcome::done().with_result("late"))
        }
    }));
    let id = queue.jobs.enqueue(note("x")).await?.id();
    starts.recv().await;
    take_claims_back(&queue).await?;

    let other = queue.jobs.enqueue(note("y")).await?.id();
    let records = [queue.wait(id).await, queue.wait(other).await];
    workers.end().await;

    for record in records {
        assert_eq!((record.attempt, record.result), (1, Some("in time".into())));
    }
    assert!(queue.jobs.verify().await?.is_sound());
    Ok(())
}

async fn rename_jobs(queue: &Queue, from: &str, to: &str) -> Done {
    queue.bend(&format!("ALTER TABLE {from} RENAME TO {to}")).await
}

pub(in crate::testing) async fn a_worker_outlives_a_database_that_refuses_and_loses_no_outcome(
    queue: Queue,
) -> Done {
    let (running, mut starts, go_on) = run_gated(queue.workers());
    let id = queue.jobs.enqueue(note("x")).await?.id();
    starts.recv().await;

    rename_jobs(&queue, "mcsv_jobs", "away").await?;
    go_on.notify_one();
    let refused = queue.jobs.enqueue(note("y")).await.unwrap_err();
    assert!(!refused.is_retryable(), "{refused:?}");
    rename_jobs(&queue, "away", "mcsv_jobs").await?;

    let record = queue.wait(id).await;
    running.end().await;
    assert_eq!((record.state, record.attempt), (State::Completed, 1));
    Ok(())
}
