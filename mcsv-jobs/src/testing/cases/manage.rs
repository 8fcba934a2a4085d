use std::time::Duration;

use crate::{ErrorKind, Filter, JobId, PageToken, State, Transition};

use crate::testing::kit::{Done, Note, Obituary, Queue, note, run};

pub(in crate::testing) async fn dead_letters_are_found_by_their_error_and_replayed(
    queue: Queue,
) -> Done {
    let failing = run(queue.workers().handle(|job: Note, _| async move {
        Done::Err(crate::Permanent::new(format!("no \"{}\" today", job.text)).into())
    }));
    let made = queue.jobs.enqueue_all([note("milk"), note("bread")]).await?;
    for one in &made {
        queue.wait(one.id()).await;
    }
    failing.end().await;

    let milk = Filter::new().with_state(State::Discarded).with_error_containing("\"milk\"");
    assert_eq!(queue.jobs.list(milk.clone()).await?.jobs.len(), 1);
    assert_eq!(queue.jobs.replay(milk).await?, 1);

    let working = run(queue.workers().handle(|_: Note, _| async { Done::Ok(()) }));
    let record = queue.wait(made[0].id()).await;
    working.end().await;
    assert_eq!((record.state, record.attempt), (State::Completed, 1));
    assert_eq!(queue.jobs.get(made[1].id()).await?.map(|job| job.state), Some(State::Discarded));
    Ok(())
}

pub(in crate::testing) async fn a_retry_gives_a_full_budget_again(queue: Queue) -> Done {
    let running = run(queue.workers().handle(|_: Note, _| async { Done::Err("no".into()) }));
    let id = queue.jobs.enqueue(note("x")).await?.id();
    queue.wait(id).await;
    assert!(queue.jobs.retry(JobId::new(77)?).await.unwrap_err().is_not_found());

    queue.jobs.retry(id).await?;
    let record = queue.wait(id).await;
    running.end().await;

    assert_eq!((record.state, record.attempt), (State::Discarded, 3));
    let events = queue.jobs.events(id).await?;
    let starts = events.iter().filter(|event| event.transition == Transition::Started).count();
    assert_eq!(starts, 6);
    Ok(())
}

pub(in crate::testing) async fn only_an_ended_job_can_be_retried(queue: Queue) -> Done {
    let id = queue.jobs.enqueue(note("x")).await?.id();

    assert!(queue.jobs.retry(id).await.unwrap_err().is_conflict());
    Ok(())
}

pub(in crate::testing) async fn stats_count_by_queue_and_state(queue: Queue) -> Done {
    let made = queue.jobs.enqueue_all([note("a"), note("b"), note("c")]).await?;
    queue.jobs.cancel(made[0].id()).await?;
    queue.jobs.enqueue(note("d")).queue("others")?.after(Duration::from_secs(9)).await?;

    let stats = queue.jobs.stats().await?;
    let names: Vec<_> = stats.iter().map(|stats| stats.queue.as_str()).collect();
    assert_eq!(names, ["notes", "others"]);
    assert_eq!(stats[0].count(State::Available), 2);
    assert_eq!(stats[0].count(State::Cancelled), 1);
    assert_eq!(stats[1].unfinished(), 1);
    assert_eq!(queue.jobs.queue_stats("none").await?.unfinished(), 0);
    Ok(())
}

pub(in crate::testing) async fn depths_tell_kinds_apart_and_the_age_of_the_oldest(
    queue: Queue,
) -> Done {
    let made = queue.jobs.enqueue_all([note("a"), note("b"), note("c")]).await?;
    queue.jobs.cancel(made[0].id()).await?;
    let obituary = Obituary { of: 1, error: String::new() };
    queue.jobs.enqueue(obituary).queue("notes")?.await?;
    queue.jobs.enqueue(note("d")).queue("others")?.after(Duration::from_secs(9)).await?;
    queue
        .bend("UPDATE mcsv_jobs SET scheduled_at = scheduled_at - 60000 WHERE kind = 'obituary'")
        .await?;

    let depths = queue.jobs.depths().await?;
    let counted: Vec<_> = depths
        .iter()
        .map(|depth| (depth.queue.as_str(), depth.kind.as_str(), depth.state, depth.count))
        .collect();
    let expected = [
        ("notes", "note", State::Available, 2),
        ("notes", "obituary", State::Available, 1),
        ("others", "note", State::Scheduled, 1),
    ];
    assert_eq!(counted, expected);
    assert!(depths[1].oldest >= Duration::from_secs(60));
    assert!(depths[0].oldest < depths[1].oldest);
    assert_eq!(depths[2].oldest, Duration::ZERO);
    Ok(())
}

pub(in crate::testing) async fn depths_are_counted_without_a_look_at_what_has_ended(
    queue: Queue,
) -> Done {
    keep_many(&queue).await?;

    let plan = queue.jobs.inner.store.plan_of_depths().await?;
    for index in ["mcsv_jobs_ready", "mcsv_jobs_leases", "mcsv_jobs_due"] {
        assert!(plan.contains(index), "no {index}: {plan}");
    }
    let whole = |step: &str| step.contains("Seq Scan") || step.trim() == "SCAN mcsv_jobs";
    assert!(!plan.lines().any(whole), "{plan}");
    queue.bend("DELETE FROM mcsv_jobs WHERE id > 1000").await
}

pub(in crate::testing) async fn ends_are_found_by_their_ids_whatever_has_run(queue: Queue) -> Done {
    keep_many(&queue).await?;

    let ids: Vec<i64> = (1_001..1_251).collect();
    let plan = queue.jobs.inner.store.plan_of_completion(&ids).await?;
    assert!(!plan.contains("mcsv_jobs_leases"), "{plan}");
    assert!(plan.contains("mcsv_jobs_pkey") || plan.contains("PRIMARY KEY"), "{plan}");
    queue.bend("DELETE FROM mcsv_jobs WHERE id > 1000").await
}

/// Two jobs that wait, and ten thousand that have ended.
async fn keep_many(queue: &Queue) -> Done {
    queue.jobs.enqueue_all([note("a"), note("b")]).await?;
    queue
        .bend(
            "WITH RECURSIVE kept (number) AS (
                SELECT 1 UNION ALL SELECT number + 1 FROM kept WHERE number < 10000)
             INSERT INTO mcsv_jobs (id, kind, queue, state, max_attempts, scheduled_at, inserted_at,
                budget_from, finished_at, args)
             SELECT number + 1000, kind, queue, 'completed', max_attempts, scheduled_at,
                inserted_at, budget_from, inserted_at, args
             FROM kept JOIN mcsv_jobs ON id = (SELECT min(id) FROM mcsv_jobs)",
        )
        .await?;
    queue.bend("ANALYZE mcsv_jobs").await
}

pub(in crate::testing) async fn pruning_takes_ended_jobs_and_the_events_of_those_that_are_gone(
    queue: Queue,
) -> Done {
    let made = queue.jobs.enqueue_all([note("ended"), note("waiting")]).await?;
    queue.jobs.cancel(made[0].id()).await?;
    let day = Duration::from_secs(86_400);

    let too_young = queue.jobs.prune(day, day).await?;
    assert_eq!((too_young.jobs, too_young.events), (0, 0));

    queue
        .bend(
            "UPDATE mcsv_jobs SET finished_at = finished_at - 90000000,
                inserted_at = inserted_at - 90000000",
        )
        .await?;
    queue.bend("UPDATE mcsv_job_events SET at = at - 90000000").await?;
    let pruned = queue.jobs.prune(day, day).await?;

    assert_eq!((pruned.jobs, pruned.events), (1, 2));
    assert!(queue.jobs.get(made[0].id()).await?.is_none());
    assert_eq!(queue.jobs.events(made[1].id()).await?.len(), 1);
    Ok(())
}

pub(in crate::testing) async fn the_events_of_a_job_are_pruned_together(queue: Queue) -> Done {
    let id = queue.jobs.enqueue(note("ends late")).await?.id();
    queue.jobs.cancel(id).await?;
    let day = Duration::from_secs(86_400);
    let older = "UPDATE mcsv_job_events SET at = at - 90000000";
    queue.bend(&format!("{older} WHERE transition = 'enqueued'")).await?;
    queue.bend("DELETE FROM mcsv_jobs").await?;

    let too_young = queue.jobs.prune(day, day).await?;
    assert_eq!(too_young.events, 0);
    assert_eq!(queue.jobs.history(id).await?.latest()?.state, State::Cancelled);

    queue.bend(older).await?;
    assert_eq!(queue.jobs.prune(day, day).await?.events, 2);
    assert!(queue.jobs.history(id).await.unwrap_err().is_not_found());
    Ok(())
}

pub(in crate::testing) async fn a_wait_that_is_too_short_says_so(queue: Queue) -> Done {
    let id = queue.jobs.enqueue(note("x")).await?.id();

    let error = queue.jobs.wait(id, Duration::from_millis(1)).await.unwrap_err();

    assert_eq!(error.kind(), ErrorKind::Unavailable);
    assert!("no token".parse::<PageToken>().is_err());
    queue.jobs.ping().await?;
    Ok(())
}

pub(in crate::testing) async fn ended_jobs_are_found_by_the_time_of_their_end(
    queue: Queue,
) -> Done {
    let made = queue.jobs.enqueue_all([note("ended"), note("waiting")]).await?;
    queue.jobs.cancel(made[0].id()).await?;
    let record = queue.jobs.get(made[0].id()).await?.ok_or("no job")?;
    let end = record.finished_at.ok_or("no end")?;

    let from = queue.jobs.list(Filter::new().with_finished_from(end)).await?;
    let until = queue.jobs.list(Filter::new().with_finished_until(end)).await?;

    assert_eq!(from.jobs, [record]);
    assert_eq!(until.jobs, []);
    Ok(())
}
