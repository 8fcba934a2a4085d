use std::time::Duration;

use crate::{BoxError, Failure, Filter, JobCx, JobId, NewJob, Outcome, State, Transition};
use tokio::sync::mpsc;

use crate::testing::kit::{Done, Note, Obituary, Queue, note, run};

pub(in crate::testing) async fn a_waiting_job_is_cancelled_at_once(queue: Queue) -> Done {
    let id = queue.jobs.enqueue(note("x")).await?.id();

    assert_eq!(queue.jobs.cancel(id).await?, State::Cancelled);

    assert!(queue.jobs.cancel(id).await.unwrap_err().is_conflict());
    let unknown = queue.jobs.cancel(JobId::new(99)?).await;
    assert!(unknown.unwrap_err().is_not_found());
    Ok(())
}

pub(in crate::testing) async fn a_running_job_hears_of_its_cancel_from_another_process(
    queue: Queue,
) -> Done {
    let (started, mut starts) = mpsc::unbounded_channel();
    let running = run(queue.workers().handle(move |_: Note, cx: JobCx| {
        let started = started.clone();
        async move {
            started.send(cx.id())?;
            cx.cancelled().await;
            Err::<(), BoxError>("stopped in the middle".into())
        }
    }));
    let id = queue.jobs.enqueue(note("x")).await?.id();
    starts.recv().await;

    assert_eq!(queue.other().await.cancel(id).await?, State::Executing);

    let record = queue.wait(id).await;
    running.end().await;
    assert_eq!(record.state, State::Cancelled);
    let events = queue.jobs.events(id).await?;
    let transitions: Vec<_> = events.iter().map(|event| event.transition).collect();
    use Transition::{CancelRequested, Cancelled, Enqueued, Started};
    assert_eq!(transitions, [Enqueued, Started, CancelRequested, Cancelled]);
    Ok(())
}

pub(in crate::testing) async fn a_called_off_handler_that_did_not_get_done_leaves_no_dead_letter(
    queue: Queue,
) -> Done {
    let (started, mut starts) = mpsc::unbounded_channel();
    let workers = queue.workers().handle(move |_: Note, cx: JobCx| {
        let started = started.clone();
        async move {
            started.send(cx.id())?;
            cx.cancelled().await;
            Ok::<_, BoxError>(Outcome::retry(Duration::ZERO))
        }
    });
    let running = run(workers.on_discard(|_: &Note, failure: &Failure| {
        vec![NewJob::new(Obituary { of: failure.id.get(), error: failure.error.clone() })]
    }));
    let id = queue.jobs.enqueue(note("x")).max_attempts(1).await?.id();
    starts.recv().await;

    queue.jobs.cancel(id).await?;

    let record = queue.wait(id).await;
    running.end().await;
    assert_eq!((record.state, record.attempt), (State::Cancelled, 1));
    assert_eq!(queue.jobs.list(Filter::new().with_kind("obituary")).await?.jobs, []);
    Ok(())
}

pub(in crate::testing) async fn a_handler_can_cancel_its_own_job(queue: Queue) -> Done {
    let running = run(queue.workers().handle(|_: Note, _: JobCx| async {
        Ok::<_, BoxError>(Outcome::cancel("no longer wanted"))
    }));

    let id = queue.jobs.enqueue(note("x")).await?.id();
    let record = queue.wait(id).await;
    running.end().await;

    assert_eq!(record.state, State::Cancelled);
    let last = queue.jobs.events(id).await?.pop().ok_or("no event")?;
    assert_eq!(last.detail, "no longer wanted");
    Ok(())
}
