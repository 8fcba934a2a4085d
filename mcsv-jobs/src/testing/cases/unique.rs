use std::sync::Arc;
use std::time::{Duration, SystemTime};

use crate::{
    BoxError, Enqueue, Error, Filter, JobCx, JobId, NewJob, Permanent, Replace, State, Transition,
    Unique, Workers,
};
use futures_util::future::join_all;
use tokio::sync::{Notify, mpsc};

use crate::testing::kit::{Done, Note, Queue, Running, note, run, run_gated};

pub(in crate::testing) async fn a_unique_job_is_one_until_it_has_ended(queue: Queue) -> Done {
    let first = queue.jobs.enqueue(note("unique a")).await?;
    let second = queue.jobs.enqueue(note("unique a")).await?;
    let different = queue.jobs.enqueue(note("unique b")).await?;

    assert!(first.is_new() && different.is_new() && !second.is_new());
    assert_eq!(first.id(), second.id());

    queue.jobs.cancel(first.id()).await?;
    let again = queue.jobs.enqueue(note("unique a")).await?;
    assert!(again.is_new());
    assert_ne!(again.id(), first.id());
    Ok(())
}

pub(in crate::testing) async fn of_many_callers_at_the_same_time_one_makes_the_job(
    queue: Queue,
) -> Done {
    let other = queue.other().await;

    let all = (0..32).map(|n| {
        let jobs = if n % 2 == 0 { &queue.jobs } else { &other };
        async { jobs.enqueue(note("unique x")).await }
    });
    let made: Result<Vec<_>, _> = join_all(all).await.into_iter().collect();
    let made = made?;

    assert_eq!(made.iter().filter(|one| one.is_new()).count(), 1);
    assert!(made.iter().all(|one| one.id() == made[0].id()));
    Ok(())
}

pub(in crate::testing) async fn twins_in_one_batch_are_one_job(queue: Queue) -> Done {
    let made = queue.jobs.enqueue_all([note("unique t"), note("unique t")]).await?;

    assert_eq!(made[0].id(), made[1].id());
    assert_eq!([made[0].is_new(), made[1].is_new()], [true, false]);
    Ok(())
}

pub(in crate::testing) async fn a_retry_is_refused_while_another_job_has_the_key(
    queue: Queue,
) -> Done {
    let running = run(queue.workers().handle(|_: Note, _| async { Done::Ok(()) }));
    let ended = queue.jobs.enqueue(note("unique r")).await?.id();
    queue.wait(ended).await;
    running.end().await;
    let held = queue.jobs.enqueue(note("unique r")).await?.id();

    assert!(queue.jobs.retry(ended).await.unwrap_err().is_conflict());
    let keys = ["r".to_owned(), "s".to_owned()];
    assert_eq!(queue.jobs.unique_keys_unfinished("note", &keys).await?, ["r"]);

    queue.jobs.cancel(held).await?;
    assert_eq!(queue.jobs.retry(ended).await?.state, State::Available);
    Ok(())
}

pub(in crate::testing) async fn of_ended_jobs_with_one_key_the_newest_is_replayed(
    queue: Queue,
) -> Done {
    let mut ids = Vec::new();
    for text in ["unique n", "unique n", "other", "unique n"] {
        let id = queue.jobs.enqueue(note(text)).await?.id();
        queue.jobs.cancel(id).await?;
        ids.push(id);
    }

    assert_eq!(queue.jobs.replay(Filter::new()).await?, 2);

    let waiting = queue.jobs.list(Filter::new().with_state(State::Available)).await?.jobs;
    let waiting: Vec<JobId> = waiting.iter().map(|job| job.id).collect();
    assert_eq!(waiting, [ids[3], ids[2]]);
    Ok(())
}

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// A time at the beginning of a day that is long over: what was to start then is due.
fn long_ago() -> SystemTime {
    SystemTime::UNIX_EPOCH + 10_000 * DAY
}

fn keyed<'a>(queue: &'a Queue, text: &str, unique: Unique) -> Enqueue<'a> {
    queue.jobs.enqueue(note(text)).unique_key("k").unique(unique)
}

/// Workers that tell what they run, and are done.
fn run_and_tell(workers: Workers) -> (Running, mpsc::UnboundedReceiver<String>) {
    let (started, starts) = mpsc::unbounded_channel();
    let running = run(workers.handle(move |note: Note, _: JobCx| {
        let started = started.clone();
        async move { Ok::<_, BoxError>(started.send(note.text)?) }
    }));
    (running, starts)
}

async fn transitions(queue: &Queue, id: JobId) -> Result<Vec<Transition>, Error> {
    let events = queue.jobs.events(id).await?;
    Ok(events.iter().map(|event| event.transition).collect())
}

pub(in crate::testing) async fn a_key_until_the_start_lets_one_job_wait_for_the_running_one(
    queue: Queue,
) -> Done {
    let (started, mut starts) = mpsc::unbounded_channel();
    let go_on = Arc::new(Notify::new());
    let gate = Arc::clone(&go_on);
    let running = run(queue.workers().handle(move |note: Note, cx: JobCx| {
        let (started, gate) = (started.clone(), Arc::clone(&gate));
        async move {
            started.send((note.text, cx.attempt()))?;
            gate.notified().await;
            if cx.attempt() == 1 { Err(BoxError::from("once more")) } else { Ok(()) }
        }
    }));
    let until_started = Unique::until_started();
    let first = keyed(&queue, "first", until_started).await?;
    assert_eq!(starts.recv().await, Some(("first".to_owned(), 1)));
    let second = keyed(&queue, "second", until_started).after(DAY).await?;
    let third = keyed(&queue, "third", until_started).await?;
    assert!(first.is_new() && second.is_new() && !third.is_new());
    assert_eq!(second.id(), third.id());

    // It waits once more and is claimed again, while another one has the key.
    go_on.notify_one();
    assert_eq!(starts.recv().await, Some(("first".to_owned(), 2)));
    go_on.notify_one();
    assert_eq!(queue.wait(first.id()).await.state, State::Completed);
    // And it goes back by hand.
    queue.jobs.retry(first.id()).await?;
    assert_eq!(starts.recv().await, Some(("first".to_owned(), 1)));
    go_on.notify_one();
    running.end().await;

    queue.jobs.cancel(second.id()).await?;
    assert!(keyed(&queue, "fourth", until_started).after(DAY).await?.is_new());
    assert!(queue.jobs.verify().await?.is_sound());
    Ok(())
}

pub(in crate::testing) async fn a_key_with_a_period_stands_beyond_the_end_and_not_in_the_next_one(
    queue: Queue,
) -> Done {
    let running = run(queue.workers().handle(|note: Note, _: JobCx| async move {
        if note.text == "hopeless" { Err(Permanent::new("no").into()) } else { Done::Ok(()) }
    }));
    let daily = Unique::once_per(DAY);
    let done = keyed(&queue, "first", daily).at(long_ago()).await?;
    queue.wait(done.id()).await;

    let late = long_ago() + DAY - Duration::from_millis(1);
    let again = keyed(&queue, "second", daily).at(late).await?;
    assert_eq!((again.id(), again.is_new()), (done.id(), false));
    let next_day = keyed(&queue, "hopeless", daily).at(long_ago() + DAY).await?;
    assert!(next_day.is_new());

    // A dead letter has given its key up.
    queue.wait(next_day.id()).await;
    let other = keyed(&queue, "third", daily).at(long_ago() + DAY).await?;
    assert!(other.is_new());
    queue.wait(other.id()).await;
    running.end().await;
    assert!(queue.jobs.retry(next_day.id()).await.unwrap_err().is_conflict());
    Ok(())
}

pub(in crate::testing) async fn of_many_callers_in_one_period_one_makes_the_job(
    queue: Queue,
) -> Done {
    let handle = queue.other().await;
    let other = Queue { jobs: handle, url: queue.url.clone() };
    let all = (0..32).map(|n| {
        let queue = if n % 2 == 0 { &queue } else { &other };
        async { keyed(queue, "x", Unique::once_per(DAY)).at(long_ago()).await }
    });
    let made: Vec<_> = join_all(all).await.into_iter().collect::<Result<_, _>>()?;

    assert_eq!(made.iter().filter(|one| one.is_new()).count(), 1);
    assert!(made.iter().all(|one| one.id() == made[0].id()));
    Ok(())
}

pub(in crate::testing) async fn a_waiting_job_takes_over_what_its_twin_replaces(
    queue: Queue,
) -> Done {
    use Replace::{Args, MaxAttempts, Priority, Start};
    let rule = |what: &[Replace]| Unique::default().with_replace(what.iter().copied());
    let first = keyed(&queue, "first", rule(&[])).after(DAY).await?;
    let ignored = keyed(&queue, "ignored", rule(&[])).priority(7).await?;
    assert_eq!((ignored.is_new(), ignored.is_replaced()), (false, false));
    let urgent = keyed(&queue, "urgent", rule(&[Priority, MaxAttempts])).priority(9);
    let urgent = urgent.max_attempts(1).await?;
    assert_eq!((urgent.id(), urgent.is_new(), urgent.is_replaced()), (first.id(), false, true));
    let record = queue.jobs.get(first.id()).await?.ok_or("no job")?;
    assert_eq!((record.state, record.priority), (State::Scheduled, 9));
    assert_eq!(record.max_attempts, 1);

    // Several of one batch: the last counts. It can start now.
    let new = |text| NewJob::new(note(text)).unique_key("k").unique(rule(&[Args, Start]));
    let texts = ["second", "third", "fourth", "fifth", "last"];
    let several = queue.jobs.enqueue_all(texts.map(new)).await?;
    assert!(several.iter().all(|one| one.id() == first.id() && one.is_replaced()));
    let (running, mut starts) = run_and_tell(queue.workers());
    assert_eq!(starts.recv().await.as_deref(), Some("last"));
    queue.wait(first.id()).await;
    running.end().await;

    use Transition::{Completed, Enqueued, Replaced, Started};
    let life = [Enqueued, Replaced, Replaced, Started, Completed];
    assert_eq!(transitions(&queue, first.id()).await?, life);
    assert!(queue.jobs.verify().await?.is_sound());
    Ok(())
}

pub(in crate::testing) async fn a_running_or_ended_job_takes_nothing_over(queue: Queue) -> Done {
    let (running, mut starts, go_on) = run_gated(queue.workers());
    let rule = Unique::once_per(DAY).with_replace([Replace::Args]);
    let again = |text| keyed(&queue, text, rule).at(long_ago());
    let id = again("first").await?.id();
    starts.recv().await;
    let at_work = again("second").await?;
    go_on.notify_one();
    queue.wait(id).await;
    let ended = again("third").await?;
    running.end().await;

    for one in [at_work, ended] {
        assert_eq!((one.id(), one.is_new(), one.is_replaced()), (id, false, false));
    }
    use Transition::{Completed, Enqueued, Started};
    assert_eq!(transitions(&queue, id).await?, [Enqueued, Started, Completed]);
    Ok(())
}

pub(in crate::testing) async fn a_follow_up_keeps_the_rule_of_its_key(queue: Queue) -> Done {
    let daily = Unique::once_per(DAY);
    let there = keyed(&queue, "there", daily).at(long_ago()).await?.id();
    let (running, mut starts) = run_and_tell(queue.workers());
    assert_eq!(starts.recv().await.as_deref(), Some("there"));
    queue.wait(there).await;

    let next = |text, at| NewJob::new(note(text)).unique_key("k").unique(daily).at(at);
    let chain = next("first", long_ago() + DAY);
    let chain = chain.then(next("kept out", long_ago())).then(note("never"));
    let first = queue.jobs.enqueue_all([chain]).await?[0].id();
    queue.wait(first).await;
    running.end().await;

    assert_eq!((starts.recv().await.as_deref(), starts.recv().await), (Some("first"), None));
    Ok(())
}

pub(in crate::testing) async fn states_in_which_a_key_can_be_lost_and_wanted_back_are_refused(
    queue: Queue,
) -> Done {
    let bad = Unique::default().with_states([State::Available, State::Executing]);
    let refused = keyed(&queue, "x", bad).await.unwrap_err();

    assert!(refused.is_invalid(), "{refused:?}");
    assert!(refused.to_string().contains("[Available, Executing]"), "{refused}");
    Ok(())
}
