use std::time::Duration;

use apalis_core::task::attempt::Attempt;
use apalis_core::task::data::Data;
use apalis_core::worker::builder::WorkerBuilder;
use apalis_core::worker::context::WorkerContext;
use mcsv_jobs::{BoxError, Delivery, JobCx, Outcome, State};
use tokio::sync::mpsc;

use crate::kit::{Done, Note, Queue, note};

type Seen = mpsc::UnboundedSender<(String, u32, usize)>;

#[tokio::test]
async fn a_plain_apalis_worker_runs_the_queue_with_its_own_extractors_and_layers() -> Done {
    let queue = Queue::new().await;
    let (seen, mut notes): (Seen, _) = mpsc::unbounded_channel();
    let context = WorkerContext::new("plain");
    let backend = queue.jobs.queue("notes")?.with_concurrency(2).with_lease(Duration::from_secs(5));
    let worker = WorkerBuilder::new(&context).backend(backend).data(seen).build(
        |job: Delivery, cx: JobCx, attempt: Attempt, seen: Data<Seen>| async move {
            let note: Note = job.decode()?;
            seen.send((note.text, cx.attempt(), attempt.current()))?;
            Ok::<_, BoxError>(Outcome::done())
        },
    );
    let running = tokio::spawn(worker.run());

    let id = queue.jobs.enqueue(note("hello")).await?.id();
    let record = queue.wait(id).await;
    context.stop()?;
    running.await??;

    assert_eq!(record.errors, []);
    assert_eq!(notes.recv().await, Some(("hello".to_owned(), 1, 1)));
    assert_eq!(record.state, State::Completed);
    Ok(())
}

#[tokio::test]
async fn a_handler_that_panics_before_its_future_exists_does_not_end_the_worker() -> Done {
    let queue = Queue::new().await;
    let context = WorkerContext::new("plain");
    let worker =
        WorkerBuilder::new(&context).backend(queue.jobs.queue("notes")?).build(|job: Delivery| {
            assert!(job.args() != br#"{"text":"boom"}"#, "early");
            async { Ok::<(), BoxError>(()) }
        });
    let running = tokio::spawn(worker.run());

    let boom = queue.jobs.enqueue(note("boom")).max_attempts(1).await?.id();
    let record = queue.wait(boom).await;
    let fine = queue.wait(queue.jobs.enqueue(note("fine")).await?.id()).await;
    // apalis-core counts a call that panicked as running for ever: it can't be stopped in order.
    running.abort();

    assert_eq!(record.last_error().map(|e| e.message.as_str()), Some("panicked: early"));
    assert_eq!(fine.state, State::Completed);
    Ok(())
}
