//! What is counted.

use std::time::Duration;

use mcsv_jobs::{BoxError, Filter, JobCx, Jobs, NewJob, Outcome, State, Workers};
use tokio::sync::mpsc;

use crate::counters::Counters;
use crate::kit::{Done, Fleeting, LONG, Note, Queue, note, run};
use crate::proxy::Proxy;
use crate::warnings::Warnings;

fn follow_up() -> NewJob {
    NewJob::new(note("follows")).queue("others")
}

/// Waits until the first job of a queue is there.
async fn first_of(jobs: &Jobs, queue: &str) -> Done {
    let mut events = jobs.subscribe(mcsv_jobs::EventCursor::BEGINNING);
    let first = async {
        while jobs.list(Filter::new().with_queue(queue)).await?.jobs.is_empty() {
            events.next().await?;
        }
        Ok(())
    };
    tokio::time::timeout(LONG, first).await?
}

#[tokio::test]
async fn the_completion_of_a_batch_is_counted_however_the_batch_ends() -> Done {
    let counters = Counters::default();
    let _counting = metrics::set_default_local_recorder(&counters);
    let queue = Queue::new().await;
    let enqueued = || counters.get("jobs_enqueued_total");

    queue.jobs.batch(Vec::<Note>::new()).then(note("of an empty one")).await?;
    assert_eq!(enqueued(), 1);
    let called_off = queue.jobs.batch([note("called off")]).then(note("of that")).await?;
    queue.jobs.cancel(called_off.jobs[0].id()).await?;
    assert_eq!(enqueued(), 3);
    let run_through = queue.jobs.batch([note("run")]).then(note("of this")).await?;
    let workers = Workers::new(queue.jobs.clone()).queue("notes", 1);
    let running = run(workers.handle(|_: Note, _: JobCx| async { Done::Ok(()) }));
    queue.wait(run_through.jobs[0].id()).await;
    running.end().await?;
    assert_eq!(enqueued(), 5);
    Ok(())
}

#[tokio::test]
async fn an_attempt_that_is_given_back_has_no_time_to_run() -> Done {
    let counters = Counters::default();
    let _counting = metrics::set_default_local_recorder(&counters);
    let queue = Queue::new().await;
    let (started, mut starts) = mpsc::unbounded_channel();
    let workers = Workers::new(queue.jobs.clone()).queue("notes", 2);
    let running =
        run(workers.with_drain(Duration::from_millis(1)).handle(move |note: Note, _: JobCx| {
            let started = started.clone();
            async move {
                started.send(())?;
                if note.text == "long" {
                    std::future::pending::<()>().await;
                }
                Done::Ok(())
            }
        }));
    let long = queue.jobs.enqueue(note("long")).await?.id();
    let short = queue.jobs.enqueue(note("short")).await?.id();
    starts.recv().await;
    queue.wait(short).await;

    running.end().await?;

    assert_eq!(queue.jobs.get(long).await?.map(|job| job.state), Some(State::Available));
    assert_eq!(counters.get("jobs_wait_seconds"), 2);
    assert_eq!(counters.get("jobs_run_seconds"), 1);
    Ok(())
}

#[tokio::test]
async fn a_job_that_leaves_nothing_and_ends_in_its_own_transaction_is_counted_as_finished() -> Done
{
    let counters = Counters::default();
    let _counting = metrics::set_default_local_recorder(&counters);
    let queue = Queue::new().await;
    let jobs = queue.jobs.clone();
    let workers = Workers::new(queue.jobs.clone()).queue("notes", 1);
    let running = run(workers.handle(move |_: Fleeting, cx: JobCx| {
        let jobs = jobs.clone();
        async move {
            let mut tx = jobs.begin().await?;
            cx.complete_in(&mut tx, Outcome::done().then(follow_up())).await?;
            Done::Ok(tx.commit().await?)
        }
    }));
    let id = queue.jobs.enqueue(Fleeting).await?.id();
    first_of(&queue.jobs, "others").await?;
    running.end().await?;

    let counted = ["jobs_finished_total", "jobs_lease_lost_total"].map(|name| counters.get(name));
    assert_eq!(counted, [1, 0]);
    assert_eq!(queue.jobs.events(id).await?, []);
    Ok(())
}

#[tokio::test]
async fn a_job_that_leaves_nothing_is_counted_as_finished_where_the_answer_is_lost() -> Done {
    let Some(database) = crate::server::database().await? else { return Ok(()) };
    let counters = Counters::default();
    let _counting = metrics::set_default_local_recorder(&counters);
    let mut warnings = Warnings::hear();
    let direct = Jobs::connect(database.url()).await?;
    let proxy = Proxy::start(database.url()).await?;
    // Nothing but the outcome is to be committed, which with a follow-up is in a transaction.
    let workers = Workers::new(Jobs::connect(proxy.url()).await?).queue("notes", 1);
    let workers = workers.with_lease(Duration::from_secs(3600));
    proxy.lose_answer("COMMIT");
    let running = run(workers.handle(|_: Fleeting, _: JobCx| async {
        Ok::<_, BoxError>(Outcome::done().then(follow_up()))
    }));
    let id = direct.enqueue(Fleeting).await?.id();
    warnings.next_with("outcomes not written").await;
    running.end().await?;

    assert!(proxy.has_lost_it());
    let counted = ["jobs_finished_total", "jobs_lease_lost_total"].map(|name| counters.get(name));
    assert_eq!(counted, [1, 0], "{:?}", warnings.rest());
    assert_eq!(direct.list(Filter::new().with_queue("others")).await?.jobs.len(), 1);
    assert_eq!(direct.events(id).await?, []);
    Ok(())
}
