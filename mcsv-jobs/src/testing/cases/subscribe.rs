use std::collections::BTreeMap;
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::testing::kit::{Done, End, LONG, Note, Queue, note, run};
use crate::{
    BoxError, Enqueued, ErrorKind, EventCursor, EventPage, EventStream, Filter, JobCx, Jobs,
    LoggedEvent, Transition,
};

async fn next(events: &mut EventStream) -> Result<LoggedEvent, BoxError> {
    Ok(timeout(LONG, events.next()).await??)
}

async fn take(events: &mut EventStream, number: usize) -> Result<Vec<LoggedEvent>, BoxError> {
    let mut taken = Vec::new();
    while taken.len() < number {
        taken.push(next(events).await?);
    }
    Ok(taken)
}

/// Job and transition of each.
fn lives(events: &[LoggedEvent]) -> Vec<(i64, Transition)> {
    events.iter().map(|logged| (logged.event.job.get(), logged.event.transition)).collect()
}

/// One process that enqueues: alone, in bulk, in transactions that commit and in some that don't.
async fn write(url: String) -> Done {
    let queue = Queue::open(&url).await?;
    for turn in 0..8 {
        queue.jobs.enqueue(note(&format!("alone {turn}"))).await?;
        queue.enqueue_in_transaction(note("kept"), End::Commit).await?;
        queue.enqueue_in_transaction(note("dropped"), End::Rollback).await?;
        queue.jobs.enqueue_all((0..5).map(|n| note(&format!("bulk {n}")))).await?;
    }
    Ok(())
}

pub(in crate::testing) async fn every_event_comes_once_and_in_order_whoever_writes(
    queue: Queue,
) -> Done {
    const WRITERS: usize = 4;
    const JOBS: usize = WRITERS * 8 * 7;
    let mut writers = JoinSet::new();
    for _ in 0..WRITERS {
        writers.spawn(write(queue.url.clone()));
    }
    let mut workers = Vec::new();
    for jobs in [queue.jobs.clone(), queue.other().await] {
        let workers_of_one = crate::Workers::new(jobs).queue("notes", 4);
        workers.push(run(workers_of_one.handle(|_: Note, _: JobCx| async { Done::Ok(()) })));
    }

    // Each job is enqueued, started and completed. The subscriber is another one now and then.
    let (mut seen, mut cursor) = (Vec::new(), EventCursor::BEGINNING.to_string());
    while seen.len() < 3 * JOBS {
        let mut events = queue.other().await.subscribe(cursor.parse()?);
        seen.extend(take(&mut events, 100.min(3 * JOBS - seen.len())).await?);
        cursor = events.cursor().to_string();
    }
    while let Some(written) = writers.join_next().await {
        written??;
    }
    for workers in workers {
        workers.end().await;
    }

    assert!(seen.windows(2).all(|pair| pair[0].cursor < pair[1].cursor), "in order, none twice");
    let mut of_jobs = BTreeMap::<_, Vec<_>>::new();
    for logged in seen {
        of_jobs.entry(logged.event.job).or_default().push(logged.event);
    }
    let listed = queue.jobs.list(Filter::new().with_limit(Filter::MOST)).await?.jobs;
    assert_eq!((listed.len(), of_jobs.len()), (JOBS, JOBS));
    for job in listed {
        assert_eq!(of_jobs[&job.id], queue.jobs.events(job.id).await?);
    }
    assert!(queue.jobs.events_after(cursor.parse()?, 1).await?.events.is_empty());
    Ok(())
}

/// Two jobs in the order of the log, and what was read of it before the first one was committed. On a
/// server the second one was there by then.
#[cfg(feature = "postgres")]
async fn late_and_early(queue: &Queue) -> Result<([Enqueued; 2], EventPage), BoxError> {
    if !queue.is_on_postgres() {
        return late_and_early_of_one_writer(queue).await;
    }
    let mut tx = queue.jobs.begin_pg().await?;
    let late = queue.jobs.enqueue(note("late")).on_pg(&mut tx).await?;
    let early = queue.jobs.enqueue(note("early")).await?;
    assert_eq!(queue.jobs.events(early.id()).await?.len(), 1, "it is there for everybody");
    let before = queue.jobs.events_after(EventCursor::BEGINNING, 9).await?;
    tx.commit().await?;
    let [first, second] = [late.id(), early.id()].map(|id| queue.jobs.events(id));
    assert!(first.await?[0].sequence < second.await?[0].sequence, "numbers are no order");
    Ok(([late, early], before))
}

#[cfg(not(feature = "postgres"))]
use late_and_early_of_one_writer as late_and_early;

async fn late_and_early_of_one_writer(
    queue: &Queue,
) -> Result<([Enqueued; 2], EventPage), BoxError> {
    let reading = queue.other().await;
    let mut tx = queue.jobs.begin().await?;
    let late = queue.jobs.enqueue(note("late")).on(&mut tx).await?;
    let before = reading.events_after(EventCursor::BEGINNING, 9).await?;
    tx.commit().await?;
    Ok(([late, queue.jobs.enqueue(note("early")).await?], before))
}

pub(in crate::testing) async fn what_commits_late_is_not_missed(queue: Queue) -> Done {
    let (made, before) = late_and_early(&queue).await?;
    let rest = take(&mut queue.jobs.subscribe(before.next), 2 - before.events.len()).await?;
    let made = made.map(|one| (one.id().get(), Transition::Enqueued));
    assert_eq!(lives(&[before.events, rest].concat()), made);
    Ok(())
}

pub(in crate::testing) async fn a_subscriber_goes_on_from_a_stored_cursor(queue: Queue) -> Done {
    let made = queue.jobs.enqueue_all(["a", "b", "c"].map(note)).await?;
    let all = take(&mut queue.jobs.subscribe(EventCursor::BEGINNING), 3).await?;
    let enqueued: Vec<_> = made.iter().map(|one| (one.id().get(), Transition::Enqueued)).collect();
    assert_eq!(lives(&all), enqueued);
    let of_job = (all[0].kind.as_deref(), all[0].queue.as_deref());
    assert_eq!(of_job, (Some("note"), Some("notes")));

    let first = queue.jobs.events_after(EventCursor::BEGINNING, 2).await?;
    let stored: EventCursor = first.next.to_string().parse()?;
    let rest = queue.other().await.events_after(stored, u32::MAX).await?;
    assert_eq!([first.events, rest.events].concat(), all);
    assert_eq!(rest.next, all[2].cursor);
    assert_eq!(queue.jobs.events_after(stored, 0).await?.events.len(), 1, "the nearest limit");

    let now = queue.jobs.event_cursor().await?;
    assert!(now >= all[2].cursor);
    let mut from_now = queue.jobs.subscribe(now);
    assert_eq!(from_now.cursor(), now);
    let later = queue.jobs.enqueue(note("later")).await?.id();
    assert_eq!(next(&mut from_now).await?.event.job, later);
    Ok(())
}

pub(in crate::testing) async fn events_outlive_their_jobs_and_cursors_their_events(
    queue: Queue,
) -> Done {
    let gone = queue.jobs.enqueue(note("gone")).await?.id();
    queue.jobs.cancel(gone).await?;
    queue.bend("DELETE FROM mcsv_jobs").await?;
    let of_gone = take(&mut queue.jobs.subscribe(EventCursor::BEGINNING), 2).await?;
    let life = [Transition::Enqueued, Transition::Cancelled].map(|one| (gone.get(), one));
    assert_eq!((lives(&of_gone), of_gone[0].kind.as_deref()), (life.to_vec(), None));

    let kept = queue.jobs.enqueue(note("kept")).await?.id();
    queue.bend(&format!("UPDATE mcsv_job_events SET at = 0 WHERE job_id = {gone}")).await?;
    assert_eq!(queue.jobs.prune(LONG, LONG).await?.events, 2);

    for cursor in [EventCursor::BEGINNING, of_gone[0].cursor, of_gone[1].cursor] {
        assert_eq!(next(&mut queue.jobs.subscribe(cursor)).await?.event.job, kept);
    }
    queue.jobs.event_cursor().await?;
    Ok(())
}

pub(in crate::testing) async fn a_subscriber_hears_of_what_another_process_writes(
    queue: Queue,
) -> Done {
    let mut events = queue.jobs.subscribe(EventCursor::BEGINNING);
    let other: Jobs = queue.other().await;
    for turn in 0..3 {
        // A wait that is given up loses nothing.
        while timeout(Duration::from_millis(1), events.next()).await.is_ok() {}
        let (heard, id) = tokio::join!(next(&mut events), other.enqueue(note("theirs")));
        assert_eq!(heard?.event.job, id?.id(), "turn {turn}");
    }
    Ok(())
}

pub(in crate::testing) async fn a_cursor_of_another_log_is_refused(queue: Queue) -> Done {
    queue.jobs.enqueue(note("x")).await?;
    let mut events = queue.jobs.subscribe(EventCursor::BEGINNING);
    let here = next(&mut events).await?.cursor;
    let lost = if queue.is_on_postgres() {
        EventCursor { transaction: here.transaction + 1_000_000, ..here }
    } else {
        EventCursor { sequence: here.sequence + 1, ..here }
    };
    let refused = queue.jobs.events_after(lost, 1).await.unwrap_err();
    assert!(refused.is_invalid() && refused.to_string().contains("behind the end"), "{refused}");

    queue.bend("UPDATE mcsv_job_log SET tag = tag / 2 + 1").await?;
    for _ in 0..2 {
        let refused = timeout(LONG, events.next()).await?.unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::Invalid);
        assert!(refused.to_string().contains(&format!("{here} is of another log")), "{refused}");
    }
    assert_ne!(next(&mut queue.jobs.subscribe(EventCursor::BEGINNING)).await?.cursor, here);
    Ok(())
}

pub(in crate::testing) async fn the_log_is_read_from_the_place_of_the_cursor(queue: Queue) -> Done {
    let mut events = queue.jobs.subscribe(EventCursor::BEGINNING);
    queue.jobs.enqueue_all((0..3_000).map(|n| note(&n.to_string()))).await?;
    let middle = take(&mut events, 1_500).await?[1_499].cursor;
    queue.bend("ANALYZE").await?;

    let plan = queue.jobs.inner.store.plan_of_events_after(middle).await?;

    if queue.is_on_postgres() {
        assert!(plan.contains("Index Scan using mcsv_job_events_pkey"), "{plan}");
        assert!(plan.contains("Index Cond: ((ROW(transaction_id, sequence) > ROW("), "{plan}");
        assert!(!plan.contains("Seq Scan on mcsv_job_events"), "{plan}");
        assert!(!plan.contains("Seq Scan on mcsv_jobs"), "{plan}");
    } else {
        assert!(plan.contains("SEARCH mcsv_job_events USING INTEGER PRIMARY KEY"), "{plan}");
        assert!(plan.contains("SEARCH job USING INTEGER PRIMARY KEY"), "{plan}");
    }
    Ok(())
}
