use std::time::Duration;

use crate::{
    BoxError, Filter, Job, JobCx, Json, NewJob, Outcome, Permanent, Policy, State, Transition,
};
use serde::{Deserialize, Serialize};

use crate::testing::kit::{Done, Note, Obituary, Queue, note, run};

pub(in crate::testing) async fn a_failed_job_is_tried_again_after_its_stored_back_off_until_its_budget_is_gone(
    queue: Queue,
) -> Done {
    let running = run(queue.workers().handle(|_: Note, cx: JobCx| async move {
        Done::Err(format!("no luck {}", cx.attempt()).into())
    }));
    let id = queue.jobs.enqueue(note("x")).await?.id();

    let record = queue.wait(id).await;
    running.end().await;

    assert_eq!((record.state, record.attempt), (State::Discarded, 3));
    let errors: Vec<_> = record.errors.iter().map(|e| (e.attempt, e.message.as_str())).collect();
    assert_eq!(errors, [(1, "no luck 1"), (2, "no luck 2"), (3, "no luck 3")]);
    let events = queue.jobs.events(id).await?;
    let starts: Vec<_> =
        events.iter().filter(|e| e.transition == Transition::Started).map(|e| e.at).collect();
    // The database's clock decides: 20 ms less 10 % jitter, then 40 ms less 10 %.
    assert!(starts[1].duration_since(starts[0])? >= Duration::from_millis(18));
    assert!(starts[2].duration_since(starts[1])? >= Duration::from_millis(36));
    Ok(())
}

pub(in crate::testing) async fn a_retry_after_a_time_waits_for_it_and_ends_with_the_budget(
    queue: Queue,
) -> Done {
    let wait = Duration::from_millis(60);
    let running = run(queue
        .workers()
        .handle(move |_: Note, _: JobCx| async move { Ok::<_, BoxError>(Outcome::retry(wait)) }));
    let id = queue.jobs.enqueue(note("x")).await?.id();

    let record = queue.wait(id).await;
    running.end().await;

    assert_eq!((record.state, record.attempt), (State::Discarded, 3));
    let events = queue.jobs.events(id).await?;
    let starts: Vec<_> =
        events.iter().filter(|e| e.transition == Transition::Started).map(|e| e.at).collect();
    assert_eq!(starts.len(), 3);
    for pair in starts.windows(2) {
        assert!(pair[1].duration_since(pair[0])? >= wait, "{starts:?}");
    }
    Ok(())
}

pub(in crate::testing) async fn a_panic_is_a_failed_attempt(queue: Queue) -> Done {
    let running = run(queue.workers().handle(|job: Note, _: JobCx| async move {
        assert!(job.text != "boom", "went {}", job.text);
        Done::Ok(())
    }));
    let boom = queue.jobs.enqueue(note("boom")).max_attempts(2).await?.id();
    let fine = queue.jobs.enqueue(note("fine")).await?.id();

    let record = queue.wait(boom).await;
    assert_eq!(queue.wait(fine).await.state, State::Completed);
    running.end().await;

    assert_eq!((record.state, record.attempt), (State::Discarded, 2));
    assert_eq!(record.last_error().map(|e| e.message.as_str()), Some("panicked: went boom"));
    Ok(())
}

#[derive(Serialize, Deserialize)]
struct Endless;

impl Job for Endless {
    const KIND: &'static str = "endless";
    const QUEUE: &'static str = "notes";
    type Codec = Json;

    fn policy() -> Policy {
        Policy::default().with_max_attempts(1).with_timeout(Duration::from_millis(20))
    }
}

pub(in crate::testing) async fn an_attempt_that_takes_too_long_is_a_failed_one(
    queue: Queue,
) -> Done {
    let running = run(queue.workers().handle(|_: Endless, _: JobCx| async {
        std::future::pending::<()>().await;
        Done::Ok(())
    }));

    let record = queue.wait(queue.jobs.enqueue(Endless).await?.id()).await;
    running.end().await;

    assert_eq!(record.state, State::Discarded);
    assert_eq!(record.last_error().map(|e| e.message.as_str()), Some("timed out after 20ms"));
    Ok(())
}

pub(in crate::testing) async fn a_permanent_error_and_a_discard_are_dead_letters_at_once(
    queue: Queue,
) -> Done {
    let running = run(queue.workers().handle(|job: Note, _: JobCx| async move {
        match job.text.as_str() {
            "discard" => Ok(Outcome::discard("hopeless")),
            _ => Err(BoxError::from(Permanent::new("hopeless"))),
        }
    }));

    for text in ["discard", "permanent"] {
        let record = queue.wait(queue.jobs.enqueue(note(text)).await?.id()).await;
        assert_eq!((record.state, record.attempt), (State::Discarded, 1), "{text}");
        assert_eq!(record.last_error().map(|e| e.message.as_str()), Some("hopeless"), "{text}");
    }
    running.end().await;
    Ok(())
}

/// What an older release may have stored under the same kind.
#[derive(Serialize, Deserialize)]
struct OldNote {
    number: u32,
}

impl Job for OldNote {
    const KIND: &'static str = Note::KIND;
    const QUEUE: &'static str = Note::QUEUE;
    type Codec = Json;
}

pub(in crate::testing) async fn an_undecodable_job_is_a_dead_letter_and_harms_no_other(
    queue: Queue,
) -> Done {
    let jobs = [NewJob::new(OldNote { number: 1 }), NewJob::new(note("good"))];
    let made = queue.jobs.enqueue_all(jobs).await?;
    let running = run(queue.workers().handle(|_: Note, _| async { Done::Ok(()) }));

    let (bad, good) = (queue.wait(made[0].id()).await, queue.wait(made[1].id()).await);
    running.end().await;

    assert_eq!((bad.state, bad.attempt), (State::Discarded, 1));
    assert_eq!(good.state, State::Completed);
    Ok(())
}

pub(in crate::testing) async fn a_dead_letter_enqueues_its_follow_ups_with_itself(
    queue: Queue,
) -> Done {
    let workers = queue
        .workers()
        .handle(|_: Note, _| async { Done::Err(Permanent::new("gone").into()) })
        .on_discard::<Note>(|job, failure| {
            assert_eq!(job.text, "mortal");
            let (of, error) = (failure.id.get(), failure.error.clone());
            vec![NewJob::new(Obituary { of, error })]
        });
    let running = run(workers);
    let id = queue.jobs.enqueue(note("mortal")).await?.id();
    let dead = queue.wait(id).await;
    running.end().await;

    let page = queue.jobs.list(Filter::new().with_queue("obituaries")).await?;
    let [obituary] = &page.jobs[..] else { return Err("one follow-up".into()) };
    let expected = Obituary { of: id.get(), error: "gone".into() };
    assert_eq!(obituary.decode::<Obituary>()?, expected);
    assert_eq!(obituary.trace_id, dead.trace_id);
    // Neighbours in the log: one transaction wrote both.
    let died = queue.jobs.events(id).await?.pop().ok_or("no event")?;
    let written = queue.jobs.events(obituary.id).await?;
    assert_eq!(written[0].sequence, died.sequence + 1);
    Ok(())
}

pub(in crate::testing) async fn a_follow_up_is_enqueued_with_the_completion(queue: Queue) -> Done {
    let running = run(queue.workers().handle(|job: Note, _: JobCx| async move {
        let outcome = Outcome::done();
        Ok::<_, BoxError>(match job.text.as_str() {
            "parent" => outcome.then(note("child")).then_all([note("x"), note("y")]),
            _ => outcome,
        })
    }));
    let parent = queue.wait(queue.jobs.enqueue(note("parent")).await?.id()).await;

    let page = queue.jobs.list(Filter::new()).await?;
    assert_eq!(page.jobs.len(), 4);
    for job in page.jobs {
        assert_eq!(job.trace_id, parent.trace_id);
        assert_eq!(queue.wait(job.id).await.state, State::Completed);
    }
    running.end().await;
    Ok(())
}

pub(in crate::testing) async fn a_snooze_uses_up_no_attempt(queue: Queue) -> Done {
    let calls = std::sync::atomic::AtomicU32::new(0);
    let running = run(queue.workers().handle(move |_: Note, cx: JobCx| {
        let call = calls.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        async move {
            assert_eq!(cx.attempt(), 1);
            let nap = Outcome::snooze(Duration::from_millis(5));
            Ok::<_, BoxError>(if call < 4 { nap } else { Outcome::done() })
        }
    }));

    let record = queue.wait(queue.jobs.enqueue(note("sleepy")).max_attempts(1).await?.id()).await;
    running.end().await;

    assert_eq!((record.state, record.attempt), (State::Completed, 1));
    Ok(())
}
