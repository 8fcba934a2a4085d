//! What is counted as enqueued, whoever enqueues it.

use mcsv_jobs::{JobCx, Workers};

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
