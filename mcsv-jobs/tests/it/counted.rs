//! What is counted.

use std::time::Duration;

use mcsv_jobs::{JobCx, State, Workers};
use tokio::sync::mpsc;

use crate::counters::Counters;
use crate::kit::{Done, Note, Queue, note, run};

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
