use std::sync::Arc;
use std::time::Duration;

use mcsv_core::TraceContext;
use tokio::sync::{Semaphore, mpsc};

use crate::testing::kit::{Done, Note, Obituary, Queue, note, run};
use crate::{BatchId, BoxError, ErrorKind, Filter, JobCx, NewJob, Outcome, State, Workers};

fn over(batch: BatchId) -> Obituary {
    Obituary { of: batch.get(), error: "over".to_owned() }
}

async fn completions(queue: &Queue) -> Result<usize, BoxError> {
    Ok(queue.jobs.list(Filter::new().with_queue("obituaries")).await?.jobs.len())
}

pub(in crate::testing) async fn a_batch_enqueues_its_completion_once_when_its_last_job_has_ended(
    queue: Queue,
) -> Done {
    let gate = Arc::new(Semaphore::new(0));
    let workers = |jobs| {
        let gate = Arc::clone(&gate);
        run(Workers::new(jobs).queue("notes", 4).handle(move |job: Note, _: JobCx| {
            let gate = Arc::clone(&gate);
            async move {
                gate.acquire().await?.forget();
                match job.text.as_str() {
                    "bad" => Ok(Outcome::discard("as told")),
                    _ => Ok::<_, BoxError>(Outcome::done()),
                }
            }
        }))
    };
    let members = ["a", "bad", "b", "c", "d", "e", "f", "g"].map(note);
    let batch = queue.jobs.batch(members);
    let id = batch.id();
    let made = batch.then(over(id)).await?;

    // Two processes end the jobs at the same time: one of them must see that it ended the last.
    let (one, two) = (workers(queue.jobs.clone()), workers(queue.other().await));
    assert_eq!(queue.jobs.batch_status(id).await?.progress(), (0, 8));
    gate.add_permits(7);
    let seven = async {
        while queue.jobs.batch_status(id).await?.progress().0 < 7 {
            tokio::task::yield_now().await;
        }
        Done::Ok(())
    };
    seven.await?;
    assert_eq!(completions(&queue).await?, 0);
    gate.add_permits(1);
    for job in &made.jobs {
        queue.wait(job.id()).await;
    }
    one.end().await;
    two.end().await;

    let status = queue.jobs.batch_status(id).await?;
    assert_eq!((status.count(State::Completed), status.count(State::Discarded)), (7, 1));
    assert!(status.finished_at.is_some());
    assert_eq!(completions(&queue).await?, 1);
    assert_eq!(queue.jobs.list(Filter::new().with_batch(id)).await?.jobs.len(), 8);
    Ok(())
}

pub(in crate::testing) async fn a_batch_without_jobs_or_with_cancelled_ones_ends_too(
    queue: Queue,
) -> Done {
    let empty = queue.jobs.batch(Vec::<Note>::new());
    let id = empty.id();
    empty.then(over(id)).await?;
    assert_eq!(completions(&queue).await?, 1);
    assert!(queue.jobs.batch_status(id).await?.finished_at.is_some());

    let batch = queue.jobs.batch([note("a"), note("b")]);
    let id = batch.id();
    let made = batch.then(over(id)).await?;
    queue.jobs.cancel(made.jobs[0].id()).await?;
    assert_eq!(completions(&queue).await?, 1);
    queue.jobs.cancel(made.jobs[1].id()).await?;
    assert_eq!(completions(&queue).await?, 2);

    let missing = queue.jobs.batch_status(BatchId::random()).await.unwrap_err();
    assert_eq!(missing.kind(), ErrorKind::NotFound);
    Ok(())
}

pub(in crate::testing) async fn a_job_adds_to_its_own_batch_before_it_ends(queue: Queue) -> Done {
    let running = run(queue.workers().handle(|job: Note, cx: JobCx| async move {
        let Some(batch) = cx.batch() else { return Err(BoxError::from("no batch")) };
        Ok(match job.text.as_str() {
            "first" => Outcome::done().then(NewJob::new(note("second")).in_batch(batch)),
            _ => Outcome::done(),
        })
    }));
    let batch = queue.jobs.batch([note("first")]);
    let id = batch.id();
    batch.then(over(id)).await?;

    let ended = async {
        loop {
            let status = queue.jobs.batch_status(id).await?;
            if status.finished_at.is_some() {
                return Ok::<_, BoxError>(status);
            }
            tokio::task::yield_now().await;
        }
    };
    let status = ended.await?;
    running.end().await;

    assert_eq!(status.progress(), (2, 2));
    assert_eq!(completions(&queue).await?, 1);
    Ok(())
}

pub(in crate::testing) async fn the_jobs_of_a_batch_are_not_pruned_before_it_ends(
    queue: Queue,
) -> Done {
    let batch = queue.jobs.batch([note("ended"), note("waiting")]).await?;
    queue.jobs.cancel(batch.jobs[0].id()).await?;
    let day = Duration::from_secs(86_400);
    let let_a_day_go_by = async || {
        queue
            .bend(
                "UPDATE mcsv_jobs SET finished_at = finished_at - 90000000,
                    inserted_at = inserted_at - 90000000",
            )
            .await?;
        queue.bend("UPDATE mcsv_job_batches SET finished_at = finished_at - 90000000").await?;
        queue.bend("UPDATE mcsv_job_events SET at = at - 90000000").await
    };

    let_a_day_go_by().await?;
    assert_eq!(queue.jobs.prune(day, day).await?.jobs, 0);
    assert_eq!(queue.jobs.batch_status(batch.id).await?.progress(), (1, 2));

    queue.jobs.cancel(batch.jobs[1].id()).await?;
    let_a_day_go_by().await?;
    assert_eq!(queue.jobs.prune(day, day).await?.jobs, 2);
    assert_eq!(queue.jobs.batch_status(batch.id).await.unwrap_err().kind(), ErrorKind::NotFound);
    Ok(())
}

pub(in crate::testing) async fn a_chain_goes_on_with_each_completion_and_ends_with_a_failure(
    queue: Queue,
) -> Done {
    let (seen, mut runs) = mpsc::unbounded_channel();
    let running = run(queue.workers().handle(move |job: Note, cx: JobCx| {
        let seen = seen.clone();
        async move {
            seen.send((job.text.clone(), cx.trace().trace_id()))?;
            match job.text.as_str() {
                "bad" => Ok(Outcome::discard("as told")),
                _ => Ok::<_, BoxError>(Outcome::done()),
            }
        }
    }));
    let trace = TraceContext::random_root();
    let chain = NewJob::new(note("one")).then(NewJob::new(note("two")).then(note("bad")));
    let chain = chain.then(note("never"));
    trace.clone().scope(async { queue.jobs.enqueue(chain).await }).await?;

    let mut ran = Vec::new();
    while ran.len() < 3 {
        ran.extend(runs.recv().await);
    }
    let last = async {
        loop {
            let dead = Filter::new().with_state(State::Discarded);
            if let Some(dead) = queue.jobs.list(dead).await?.jobs.pop() {
                return Ok::<_, BoxError>(dead);
            }
            tokio::task::yield_now().await;
        }
    };
    last.await?;
    running.end().await;

    let expected = ["one", "two", "bad"].map(|text| (text.to_owned(), trace.trace_id()));
    assert_eq!(ran, expected);
    assert_eq!(queue.jobs.list(Filter::new()).await?.jobs.len(), 3, "nothing follows a failure");
    Ok(())
}
