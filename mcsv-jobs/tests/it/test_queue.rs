//! The kit that users test their own jobs with.

use std::time::Duration;

use mcsv_core::TraceContext;
use mcsv_jobs::testing::{Perform, TestQueue};
use mcsv_jobs::{BoxError, Job, JobCx, Json, Limits, NewJob, Outcome, State, Transition, Workers};

use crate::kit::{Done, Fleeting, Note, note};

const DAY: Duration = Duration::from_secs(86_400);

/// A queue on each store.
async fn queues() -> Result<Vec<TestQueue>, BoxError> {
    let mut queues = vec![TestQueue::new().await?];
    #[cfg(feature = "postgres")]
    if let Some(database) = crate::server::database().await? {
        queues.push(TestQueue::with_jobs(mcsv_jobs::Jobs::connect(database.url()).await?));
    }
    Ok(queues)
}

async fn behave(job: Note, cx: JobCx) -> Result<Outcome, BoxError> {
    match (job.text.as_str(), cx.attempt()) {
        ("panic", _) => panic!("as told"),
        ("fail", 1) => Err("as told".into()),
        ("snooze", _) if cx.enqueued_at().elapsed()? < DAY => Ok(Outcome::snooze(DAY)),
        ("then", _) => Ok(Outcome::done().then(NewJob::new(note("later")).after(DAY))),
        ("for ever", _) => Ok(Outcome::done().then(note("for ever"))),
        _ => Ok(Outcome::done()),
    }
}

fn workers(queue: &TestQueue) -> Workers {
    Workers::new(queue.jobs().clone()).queue("notes", 4).handle(behave)
}

#[tokio::test]
async fn a_drain_runs_what_is_due_and_the_clock_makes_the_rest_due() -> Done {
    for queue in queues().await? {
        let then = queue.jobs().enqueue(note("then")).await?.id();

        assert_eq!(queue.drain(workers(&queue)).await?.completed, 1);
        queue.assert_state(then, State::Completed).await;
        let later = queue.assert_enqueued(|job: &Note| job.text == "later").await;
        assert_eq!(queue.drain(workers(&queue)).await?.ran(), 0);

        queue.advance(DAY).await?;
        queue.assert_sound().await;
        assert_eq!(queue.drain(workers(&queue)).await?.completed, 1);
        queue.assert_state(later.id, State::Completed).await;
        queue.refute_enqueued(|_: &Note| true).await;
        queue.assert_sound().await;
    }
    Ok(())
}

#[tokio::test]
async fn a_job_of_an_unknown_kind_keeps_its_attempts_for_a_worker_that_knows_it() -> Done {
    let old = |queue: &TestQueue| Workers::new(queue.jobs().clone()).queue("notes", 4);
    for queue in queues().await? {
        let id = queue.jobs().enqueue(note("new")).max_attempts(1).await?.id();

        for waited in [10, 60] {
            assert_eq!(queue.drain(old(&queue)).await?.snoozed, 1);
            queue.advance(Duration::from_secs(waited)).await?;
        }
        let events = queue.jobs().events(id).await?;
        let said = events.last().map_or("", |event| event.detail.as_str());
        assert_eq!(said, "no handler for kind \"note\": register one on this queue");
        assert_eq!(queue.drain(workers(&queue)).await?.completed, 1);
        queue.assert_sound().await;
    }
    Ok(())
}

#[tokio::test]
async fn drain_all_goes_through_every_wait() -> Done {
    for queue in queues().await? {
        let texts = ["fail", "panic", "snooze", "then"].map(note);
        queue.jobs().enqueue_all(texts).await?;
        queue.jobs().limit("notes", Limits::new().with_running(1)).await?;

        let drained = queue.drain_all(workers(&queue)).await?;

        assert_eq!((drained.completed, drained.discarded), (4, 1));
        assert_eq!((drained.retried, drained.snoozed), (3, 1));
        queue.assert_sound().await;
    }
    Ok(())
}

#[tokio::test]
async fn a_drain_without_an_end_says_so() -> Done {
    let queue = TestQueue::new().await?;
    queue.jobs().enqueue(note("for ever")).await?;

    let error = queue.drain(workers(&queue)).await.unwrap_err();

    assert!(error.to_string().contains("no end"), "{error}");
    Ok(())
}

/// A kind that no worker here knows.
#[derive(serde::Serialize, serde::Deserialize)]
struct Other;

impl Job for Other {
    const KIND: &'static str = "other";
    const QUEUE: &'static str = "notes";
    type Codec = Json;
}

#[tokio::test]
async fn a_kind_without_a_handler_is_named_where_nothing_else_is_left() -> Done {
    let queue = TestQueue::new().await?;
    let id = queue.jobs().enqueue(NewJob::new(note("much later")).after(DAY)).await?.id();
    queue.jobs().enqueue(Other).await?;

    let error = queue.drain_all(workers(&queue)).await.unwrap_err();

    queue.assert_state(id, State::Completed).await;

    assert!(error.to_string().contains("no handler for kind \"other\""), "{error}");
    Ok(())
}

#[tokio::test]
async fn what_is_missing_or_unwanted_is_shown() -> Done {
    let queue = std::sync::Arc::new(TestQueue::new().await?);
    queue.jobs().enqueue(note("here")).await?;
    let (missing, unwanted) = (queue.clone(), queue.clone());

    let missing = tokio::spawn(async move {
        missing.assert_enqueued(|job: &Note| job.text == "gone").await;
    });
    let unwanted = tokio::spawn(async move {
        unwanted.refute_enqueued(|job: &Note| job.text == "here").await;
    });

    for failed in [missing.await, unwanted.await] {
        let panic = failed.unwrap_err().into_panic();
        let text = panic.downcast_ref::<String>().unwrap();
        assert!(text.contains(r#"job 1 (available): {"text":"here"}"#), "{text}");
    }
    Ok(())
}

#[tokio::test]
async fn the_trace_of_a_job_is_known() -> Done {
    let queue = TestQueue::new().await?;
    let trace = TraceContext::random_root();

    let id = trace.clone().scope(async { queue.jobs().enqueue(note("x")).await }).await?.id();

    queue.assert_trace(id, trace.trace_id()).await;
    Ok(())
}

#[tokio::test]
async fn one_attempt_is_performed_as_the_engine_would() -> Done {
    let panicked = Perform::new(note("panic")).with_attempt(3).run(behave).await?;
    assert_eq!(panicked.transition, Transition::Discarded);
    assert_eq!(panicked.error.as_deref(), Some("panicked: as told"));

    let failed = Perform::new(note("fail")).run(behave).await?;
    assert_eq!(failed.transition, Transition::Retried);

    let then = Perform::new(note("then")).run(behave).await?;
    assert_eq!((then.transition, then.follow_ups), (Transition::Completed, vec!["note".into()]));
    Ok(())
}

#[tokio::test]
async fn a_job_without_a_log_has_a_state_and_ends_without_a_trace() -> Done {
    for queue in queues().await? {
        let id = queue.jobs().enqueue(Fleeting).await?.id();
        queue.assert_state(id, State::Available).await;
        let done = Workers::new(queue.jobs().clone()).queue("notes", 1);
        let done = done.handle(|_: Fleeting, _: JobCx| async { Done::Ok(()) });
        assert_eq!(queue.drain(done).await?.completed, 1);
        assert!(queue.jobs().get(id).await?.is_none() && queue.jobs().events(id).await?.is_empty());
        queue.assert_sound().await;
    }
    Ok(())
}
