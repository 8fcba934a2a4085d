use serde::{Deserialize, Serialize};

use crate::{BoxError, Filter, Job, JobId, Jobs, Json, Outcome, Policy, Problem, Retention, State};

use crate::testing::kit::{Done, LONG, Queue, note, run};

/// A job of which nothing but its events is kept.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Passing {
    text: String,
}

impl Job for Passing {
    const KIND: &'static str = "passing";
    const QUEUE: &'static str = "notes";
    type Codec = Json;

    fn policy() -> Policy {
        Policy::default().with_max_attempts(1).with_retention(Retention::DeleteCompleted)
    }
}

fn passing(text: &str) -> Passing {
    Passing { text: text.to_owned() }
}

/// Waits for the end of a job that leaves nothing but its events.
async fn end(jobs: &Jobs, id: JobId) -> Result<State, BoxError> {
    let mut finished = jobs.inner.finished.subscribe();
    let ended = async {
        loop {
            finished.mark_unchanged();
            let state = jobs.history(id).await?.latest()?.state;
            if state.is_finished() {
                return Ok(state);
            }
            finished.changed().await?;
        }
    };
    tokio::time::timeout(LONG, ended).await?
}

pub(in crate::testing) async fn a_completed_job_leaves_its_events_alone(queue: Queue) -> Done {
    let running = run(queue.workers().handle(|job: Passing, _| async move {
        let outcome = Outcome::done().with_result("gone with its row");
        Ok::<_, BoxError>(if job.text == "then" { outcome.then(note("after it")) } else { outcome })
    }));
    let made = queue.jobs.enqueue_all([passing("x"), passing("then")]).await?;
    for one in &made {
        assert_eq!(end(&queue.jobs, one.id()).await?, State::Completed);
        assert!(queue.jobs.get(one.id()).await?.is_none());
        assert_eq!(queue.jobs.history(one.id()).await?.events().len(), 3);
    }
    running.end().await;

    let left = queue.jobs.list(Filter::new()).await?.jobs;
    let kinds: Vec<&str> = left.iter().map(|job| job.kind.as_str()).collect();
    assert_eq!(kinds, ["note"], "the follow-up came in the same transaction");
    Ok(())
}

pub(in crate::testing) async fn who_watches_a_job_whose_row_is_not_kept_hears_of_its_end(
    queue: Queue,
) -> Done {
    let running = run(queue.workers().handle(|_: Passing, _| async { Done::Ok(()) }));
    let id = queue.jobs.enqueue(passing("x")).await?.id();
    end(&queue.jobs, id).await?;
    running.end().await;

    assert_eq!(queue.jobs.watch(id).next().await?, None);
    queue.bend("DELETE FROM mcsv_job_events").await?;
    assert!(queue.jobs.watch(id).next().await.unwrap_err().is_not_found());
    Ok(())
}

pub(in crate::testing) async fn a_dead_letter_and_a_job_of_a_batch_are_kept(queue: Queue) -> Done {
    let running = run(queue.workers().handle(|job: Passing, _| async move {
        if job.text == "fails" { Done::Err("as told".into()) } else { Done::Ok(()) }
    }));
    let dead = queue.jobs.enqueue(passing("fails")).await?.id();
    assert_eq!(queue.wait(dead).await.state, State::Discarded);

    let batch = queue.jobs.batch([passing("counted")]).await?;
    assert_eq!(queue.wait(batch.jobs[0].id()).await.state, State::Completed);
    running.end().await;
    Ok(())
}

pub(in crate::testing) async fn a_stale_completion_deletes_nothing(queue: Queue) -> Done {
    let (started, mut starts) = tokio::sync::mpsc::unbounded_channel();
    let go = std::sync::Arc::new(tokio::sync::Notify::new());
    let wait = std::sync::Arc::clone(&go);
    let running = run(queue.workers().handle(move |_: Passing, _| {
        let (started, wait) = (started.clone(), std::sync::Arc::clone(&wait));
        async move {
            started.send(())?;
            wait.notified().await;
            Done::Ok(())
        }
    }));
    let id = queue.jobs.enqueue(passing("x")).await?.id();
    starts.recv().await.ok_or("no start")?;
    // Somebody else was given the job meanwhile.
    queue.bend("UPDATE mcsv_jobs SET fence = fence + 1").await?;
    go.notify_one();
    running.end().await;

    let record = queue.jobs.get(id).await?.ok_or("the row is gone")?;
    assert_eq!(record.state, State::Executing);
    queue.bend("DELETE FROM mcsv_jobs").await?;
    queue.bend("DELETE FROM mcsv_job_events").await
}

pub(in crate::testing) async fn a_row_that_vanished_before_its_job_ended_is_found(
    queue: Queue,
) -> Done {
    let made = queue.jobs.enqueue_all([note("vanishes"), note("ends")]).await?;
    queue.jobs.cancel(made[1].id()).await?;
    queue.bend("DELETE FROM mcsv_jobs").await?;

    let report = queue.jobs.verify().await?;

    assert_eq!(report.differences.len(), 1, "{report}");
    assert_eq!(report.differences[0].id, made[0].id());
    assert_eq!(report.differences[0].problem, Problem::NoRow { state: State::Available });
    queue.bend("DELETE FROM mcsv_job_events").await
}
