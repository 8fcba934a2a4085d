use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::sync::{Notify, mpsc};

use crate::testing::kit::{Done, LONG, Queue, Running, note, run};
use crate::{
    BoxError, Filter, Job, JobCx, JobId, Jobs, Json, Limits, NewJob, Outcome, Policy, Problem,
    Replace, Retention, State, Transition, Unique, Workers,
};
use Transition::{
    CancelRequested, Cancelled, Completed, Discarded, Enqueued, Released, Replaced, Rescued,
    Retried, Snoozed, Started,
};

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// A job of which nothing is kept, and what its first attempt does.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Fleeting {
    first: First,
}

#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
enum First {
    Completes,
    Fails,
    Snoozes,
    Discards,
    /// Says that it has begun, and goes on until it is called off or given up.
    Waits,
    Leads,
}

impl Job for Fleeting {
    const KIND: &'static str = "fleeting";
    const QUEUE: &'static str = "notes";
    type Codec = Json;

    fn policy() -> Policy {
        Policy::default().with_retention(Retention::ForgetCompleted)
    }
}

fn fleeting(first: First) -> NewJob {
    NewJob::new(Fleeting { first })
}

/// Workers, and the attempts of the jobs that wait.
fn work(jobs: &Jobs) -> (Running, mpsc::UnboundedReceiver<u32>) {
    let (started, starts) = mpsc::unbounded_channel();
    let has_snoozed = Arc::new(AtomicBool::new(false));
    let workers = Workers::new(jobs.clone()).queue("notes", 4);
    let workers = workers.with_drain(Duration::from_millis(1));
    let running = run(workers.handle(move |job: Fleeting, cx: JobCx| {
        let (started, has_snoozed) = (started.clone(), Arc::clone(&has_snoozed));
        async move {
            match job.first {
                First::Waits => {
                    started.send(cx.attempt())?;
                    if cx.attempt() == 1 {
                        cx.cancelled().await;
                        return Ok(Outcome::cancel(""));
                    }
                }
                First::Discards => return Ok(Outcome::discard("no use")),
                First::Leads => return Ok(Outcome::done().then(note("follows"))),
                First::Fails if cx.attempt() == 1 => return Ok(Outcome::retry(Duration::ZERO)),
                First::Snoozes if !has_snoozed.swap(true, Relaxed) => {
                    return Ok(Outcome::snooze(Duration::ZERO));
                }
                _ => {}
            }
            Ok::<_, BoxError>(Outcome::done().with_result("for nobody"))
        }
    }));
    (running, starts)
}

/// Waits until the row of a job is gone.
async fn gone(jobs: &Jobs, id: JobId) -> Done {
    const POLL: Duration = Duration::from_millis(50);
    let mut finished = jobs.inner.finished.subscribe();
    let gone = async {
        loop {
            finished.mark_unchanged();
            if jobs.get(id).await?.is_none() {
                return Ok(());
            }
            // Another process may end it.
            let _ = tokio::time::timeout(POLL, finished.changed()).await;
        }
    };
    tokio::time::timeout(LONG, gone).await?
}

async fn life(jobs: &Jobs, id: JobId) -> Result<Vec<Transition>, BoxError> {
    let events = jobs.events(id).await?;
    // What its log says of it is what the rules of the state machine allow.
    if !events.is_empty() {
        jobs.history(id).await?.latest()?;
    }
    Ok(events.iter().map(|event| event.transition).collect())
}

pub(in crate::testing) async fn a_job_that_its_first_attempt_completes_leaves_nothing(
    queue: Queue,
) -> Done {
    let (running, _starts) = work(&queue.jobs);
    let jobs = &queue.jobs;
    let mut ids = vec![jobs.enqueue(fleeting(First::Completes)).await?.id()];
    gone(jobs, ids[0]).await?;
    // A worker that has nothing else to do starts it as it is enqueued.
    ids.push(jobs.enqueue(fleeting(First::Completes)).await?.id());
    let later = fleeting(First::Completes).after(Duration::from_millis(20));
    ids.push(jobs.enqueue(later).await?.id());
    let keyed = fleeting(First::Completes).unique_key("once");
    ids.push(jobs.enqueue(keyed).await?.id());
    let many = jobs.enqueue_all([First::Completes; 20].map(fleeting)).await?;
    ids.extend(many.iter().map(crate::Enqueued::id));
    jobs.limit("notes", Limits::default().with_running(2)).await?;
    ids.push(jobs.enqueue(fleeting(First::Completes)).await?.id());
    let chained = fleeting(First::Leads).then(NewJob::new(note("next")).queue("others"));
    ids.push(jobs.enqueue(chained).await?.id());

    for id in ids {
        gone(jobs, id).await?;
        assert_eq!(life(jobs, id).await?, []);
        assert!(jobs.history(id).await.unwrap_err().is_not_found());
    }
    running.end().await;

    let left = jobs.list(Filter::new()).await?.jobs;
    let kinds: Vec<&str> = left.iter().map(|job| job.kind.as_str()).collect();
    assert_eq!(kinds, ["note", "note"], "what follows came with the ends");
    Ok(())
}

pub(in crate::testing) async fn a_job_to_which_more_happens_has_its_history_from_the_enqueue_on(
    queue: Queue,
) -> Done {
    let jobs = &queue.jobs;
    let (running, mut starts) = work(&queue.jobs);
    for (first, expected) in [
        (First::Fails, &[Enqueued, Started, Retried, Started, Completed][..]),
        (First::Snoozes, &[Enqueued, Started, Snoozed, Started, Completed]),
    ] {
        let id = jobs.enqueue(fleeting(first)).await?.id();
        gone(jobs, id).await?;
        assert_eq!(life(jobs, id).await?, expected);
    }
    let discarded = jobs.enqueue(fleeting(First::Discards)).await?.id();
    assert_eq!(queue.wait(discarded).await.state, State::Discarded);
    assert_eq!(life(jobs, discarded).await?, [Enqueued, Started, Discarded]);

    let called_off = jobs.enqueue(fleeting(First::Waits)).await?.id();
    starts.recv().await;
    jobs.cancel(called_off).await?;
    queue.wait(called_off).await;
    let whole = [Enqueued, Started, CancelRequested, Cancelled];
    assert_eq!(life(jobs, called_off).await?, whole);

    let rescued = jobs.enqueue(fleeting(First::Waits)).await?.id();
    starts.recv().await;
    queue.bend("UPDATE mcsv_jobs SET lease_until = 0 WHERE state = 'executing'").await?;
    // Nobody rescues a job from himself.
    let other = queue.other().await;
    let (second, _starts) = work(&other);
    gone(jobs, rescued).await?;
    second.end().await;
    assert_eq!(life(jobs, rescued).await?, [Enqueued, Started, Rescued, Started, Completed]);

    let given_back = jobs.enqueue(fleeting(First::Waits)).await?.id();
    starts.recv().await;
    running.end().await;
    assert_eq!(life(jobs, given_back).await?, [Enqueued, Started, Released]);
    let history = jobs.history(given_back).await?;
    let (first, second) = (&history.events()[0], &history.events()[1]);
    let record = jobs.get(given_back).await?.ok_or("no job")?;
    assert_eq!((first.at, first.state), (record.inserted_at, State::Available));
    assert_eq!((Some(second.at), second.attempt), (record.attempted_at, 1));
    assert_eq!(second.worker, record.attempted_by);
    Ok(())
}

pub(in crate::testing) async fn a_waiting_job_that_is_changed_has_its_history_too(
    queue: Queue,
) -> Done {
    let jobs = &queue.jobs;
    let called_off = jobs.enqueue(fleeting(First::Completes).after(DAY)).await?.id();
    assert_eq!(life(jobs, called_off).await?, []);
    let none = jobs.history(called_off).await.unwrap_err();
    assert!(none.is_not_found() && none.to_string().contains("ForgetCompleted"), "{none}");
    jobs.cancel(called_off).await?;
    assert_eq!(life(jobs, called_off).await?, [Enqueued, Cancelled]);
    let first = jobs.events(called_off).await?.remove(0);
    assert_eq!(first.state, State::Scheduled);
    let record = jobs.get(called_off).await?.ok_or("no job")?;
    assert_eq!(first.at, record.inserted_at);

    let rule = Unique::default().with_replace([Replace::Start]);
    let keyed = || fleeting(First::Completes).unique_key("k").unique(rule);
    let replaced = jobs.enqueue(keyed().after(DAY)).await?.id();
    assert!(jobs.enqueue(keyed()).await?.is_replaced());
    assert_eq!(life(jobs, replaced).await?, [Enqueued, Replaced]);

    // Whoever puts it back wants to know what becomes of it.
    jobs.retry(called_off).await?;
    let (running, _starts) = work(&queue.jobs);
    gone(jobs, replaced).await?;
    gone(jobs, called_off).await?;
    running.end().await;
    assert_eq!(life(jobs, replaced).await?, [Enqueued, Replaced, Started, Completed]);
    assert_eq!(life(jobs, called_off).await?.last(), Some(&Completed));
    Ok(())
}

pub(in crate::testing) async fn a_job_of_a_batch_is_logged_and_kept_whatever_its_kind_says(
    queue: Queue,
) -> Done {
    let (running, _starts) = work(&queue.jobs);
    let chain = fleeting(First::Completes).then(fleeting(First::Completes));
    let batch = queue.jobs.batch([chain]).await?;
    let first = batch.jobs[0].id();
    assert_eq!(queue.wait(first).await.state, State::Completed);
    let next = JobId::new(first.get() + 1)?;
    assert_eq!(queue.wait(next).await.state, State::Completed);
    running.end().await;

    for id in [first, next] {
        assert_eq!(life(&queue.jobs, id).await?, [Enqueued, Started, Completed]);
    }
    Ok(())
}

/// Workers whose jobs say half of what they do, and end one by one when they are notified.
fn work_gated(queue: &Queue) -> (Running, mpsc::UnboundedReceiver<()>, Arc<Notify>) {
    let (started, starts) = mpsc::unbounded_channel();
    let go_on = Arc::new(Notify::new());
    let gate = Arc::clone(&go_on);
    let running = run(queue.workers().handle(move |_: Fleeting, cx: JobCx| {
        let (started, gate) = (started.clone(), Arc::clone(&gate));
        async move {
            cx.report(&"half")?;
            started.send(())?;
            gate.notified().await;
            Done::Ok(())
        }
    }));
    (running, starts, go_on)
}

pub(in crate::testing) async fn a_running_job_of_which_nothing_is_replaced_leaves_nothing(
    queue: Queue,
) -> Done {
    let rule = Unique::until_finished().with_replace([Replace::Args]);
    let keyed = || fleeting(First::Completes).unique_key("k").unique(rule);
    let (running, mut starts, go_on) = work_gated(&queue);
    let id = queue.jobs.enqueue(keyed()).await?.id();
    starts.recv().await;

    let again = queue.jobs.enqueue(keyed()).await?;
    assert_eq!((again.id(), again.is_new(), again.is_replaced()), (id, false, false));
    #[cfg(feature = "postgres")]
    if queue.is_on_postgres() {
        // Nor is its end held up by whoever asks for it.
        let mut tx = queue.jobs.begin_pg().await?;
        assert!(!queue.jobs.enqueue(keyed()).on_pg(&mut tx).await?.is_replaced());
        go_on.notify_one();
        gone(&queue.jobs, id).await?;
        tx.commit().await?;
    }
    go_on.notify_one();
    gone(&queue.jobs, id).await?;
    running.end().await;

    assert_eq!(life(&queue.jobs, id).await?, []);
    Ok(())
}

pub(in crate::testing) async fn a_retry_is_answered_whoever_completes_the_job_meanwhile(
    queue: Queue,
) -> Done {
    let (running, _starts) = work(&queue.jobs);
    for _ in 0..40 {
        let id = queue.jobs.enqueue(fleeting(First::Completes).after(DAY)).await?.id();
        queue.jobs.cancel(id).await?;
        assert_eq!(queue.jobs.retry(id).await?.id, id);
        gone(&queue.jobs, id).await?;
    }
    running.end().await;
    Ok(())
}

pub(in crate::testing) async fn who_watches_a_job_that_leaves_nothing_hears_of_its_end(
    queue: Queue,
) -> Done {
    let (running, mut starts, go_on) = work_gated(&queue);
    let id = queue.jobs.enqueue(fleeting(First::Completes)).await?.id();
    starts.recv().await;
    let mut watch = queue.jobs.watch(id);
    assert_eq!(watch.next().await?, Some("half".into()));
    go_on.notify_one();
    assert_eq!(watch.next().await?, None);
    running.end().await;

    assert!(queue.jobs.watch(id).next().await.unwrap_err().is_not_found());
    Ok(())
}

pub(in crate::testing) async fn a_job_without_a_log_that_should_have_one_is_found(
    queue: Queue,
) -> Done {
    let hidden = queue.jobs.enqueue(note("of a damaged row")).await?.id();
    let sound = queue.jobs.enqueue(fleeting(First::Completes)).await?.id();
    queue.bend("UPDATE mcsv_jobs SET is_logged = NOT is_logged").await?;

    let report = queue.jobs.verify().await?;

    let [first, second] = &report.differences[..] else { return Err(report.to_string().into()) };
    assert!(first.id == hidden && matches!(first.problem, Problem::Impossible { .. }), "{report}");
    assert_eq!((second.id, &second.problem), (sound, &Problem::NoEvents));
    queue.bend("UPDATE mcsv_jobs SET is_logged = NOT is_logged").await?;
    queue.bend("UPDATE mcsv_jobs SET fence = 2 WHERE NOT is_logged").await?;
    assert_eq!(queue.jobs.verify().await?.differences.len(), 1);
    queue.bend("UPDATE mcsv_jobs SET fence = 0").await
}
