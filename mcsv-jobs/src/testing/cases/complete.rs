#[cfg(feature = "postgres")]
use std::{sync::Arc, time::Duration};

#[cfg(feature = "postgres")]
use tokio::sync::Notify;
use tokio::sync::mpsc;

#[cfg(feature = "postgres")]
use crate::Workers;
use crate::testing::kit::{Done, End, Note, Queue, note, run};
use crate::{BoxError, Error, Filter, JobCx, Jobs, NewJob, Outcome, State, Transition};

const EFFECT: &str = "INSERT INTO effects VALUES (1)";

/// Does the effect and completes the job in one transaction.
async fn effect(jobs: &Jobs, cx: &JobCx, outcome: Outcome, end: End) -> Result<(), BoxError> {
    #[cfg(feature = "postgres")]
    if jobs.inner.store.postgres().is_ok() {
        let mut tx = jobs.begin_pg().await?;
        sqlx::query(EFFECT).execute(&mut *tx).await?;
        cx.complete_in_pg(&mut tx, outcome).await?;
        return match end {
            End::Commit => Ok(tx.commit().await?),
            End::Rollback => Ok(tx.rollback().await?),
        };
    }
    let mut tx = jobs.begin().await?;
    sqlx::query(EFFECT).execute(&mut *tx).await?;
    cx.complete_in(&mut tx, outcome).await?;
    match end {
        End::Commit => Ok(tx.commit().await?),
        End::Rollback => Ok(tx.rollback().await?),
    }
}

async fn effects(jobs: &Jobs) -> Result<i64, BoxError> {
    let count = "SELECT count(*) FROM effects";
    #[cfg(feature = "postgres")]
    if jobs.inner.store.postgres().is_ok() {
        return Ok(sqlx::query_scalar(count).fetch_one(&mut *jobs.begin_pg().await?).await?);
    }
    Ok(sqlx::query_scalar(count).fetch_one(&mut *jobs.begin().await?).await?)
}

pub(in crate::testing) async fn a_job_ends_with_its_own_transaction_and_not_without_it(
    queue: Queue,
) -> Done {
    queue.bend("CREATE TABLE effects (one INTEGER)").await?;
    let jobs = queue.jobs.clone();
    let running = run(queue.workers().handle(move |_: Note, cx: JobCx| {
        let jobs = jobs.clone();
        async move {
            let later = NewJob::new(note("follows")).queue("others");
            let outcome = Outcome::done().with_result(cx.attempt()).then(later);
            if cx.attempt() == 1 {
                effect(&jobs, &cx, outcome, End::Rollback).await?;
                return Ok(());
            }
            effect(&jobs, &cx, outcome, End::Commit).await?;
            Err::<(), BoxError>("the connection broke after the commit".into())
        }
    }));
    let chained = NewJob::new(note("pay")).then(NewJob::new(note("next")).queue("others"));
    let id = queue.jobs.enqueue(chained).await?.id();

    let record = queue.wait(id).await;
    running.end().await;

    assert_eq!((record.state, record.attempt), (State::Completed, 2));
    assert_eq!(record.result, Some(2.into()));
    assert_eq!(effects(&queue.jobs).await?, 1);
    let others = queue.jobs.list(Filter::new().with_queue("others")).await?;
    assert_eq!(others.jobs.len(), 2, "the follow-up and the next of the chain, once");
    let history = queue.jobs.history(id).await?;
    let transitions: Vec<Transition> = history.events().iter().map(|e| e.transition).collect();
    use Transition::{Completed, Enqueued, Retried, Started};
    assert_eq!(transitions, [Enqueued, Started, Retried, Started, Completed]);
    queue.bend("DROP TABLE effects").await
}

pub(in crate::testing) async fn a_worker_that_lost_its_lease_commits_nothing(queue: Queue) -> Done {
    queue.bend("CREATE TABLE effects (one INTEGER)").await?;
    let (said, mut heard) = mpsc::unbounded_channel();
    let jobs = queue.jobs.clone();
    let running = run(queue.workers().handle(move |_: Note, cx: JobCx| {
        let (jobs, said) = (jobs.clone(), said.clone());
        async move {
            // Somebody else was given the job meanwhile.
            jobs.inner.store.bend("UPDATE mcsv_jobs SET fence = fence + 1".to_owned()).await?;
            let refused = effect(&jobs, &cx, Outcome::done(), End::Commit).await.unwrap_err();
            said.send(refused.downcast_ref::<Error>().is_some_and(Error::is_conflict))?;
            Done::Ok(())
        }
    }));
    let id = queue.jobs.enqueue(note("stale")).await?.id();

    assert_eq!(heard.recv().await, Some(true));
    running.end().await;

    assert_eq!(effects(&queue.jobs).await?, 0);
    assert_eq!(queue.jobs.get(id).await?.ok_or("no job")?.state, State::Executing);
    queue.bend("DROP TABLE effects; DELETE FROM mcsv_jobs; DELETE FROM mcsv_job_events").await
}

pub(in crate::testing) async fn only_done_completes_a_job(queue: Queue) -> Done {
    queue.bend("CREATE TABLE effects (one INTEGER)").await?;
    let jobs = queue.jobs.clone();
    let running = run(queue.workers().handle(move |_: Note, cx: JobCx| {
        let jobs = jobs.clone();
        async move {
            let refused =
                effect(&jobs, &cx, Outcome::discard("no"), End::Commit).await.unwrap_err();
            let invalid = refused.downcast_ref::<Error>().is_some_and(Error::is_invalid);
            Ok::<_, BoxError>(Outcome::done().with_result(invalid))
        }
    }));
    let id = queue.jobs.enqueue(note("x")).await?.id();

    assert_eq!(queue.wait(id).await.result, Some(true.into()));
    running.end().await;
    assert_eq!(effects(&queue.jobs).await?, 0);
    queue.bend("DROP TABLE effects").await
}

/// A transaction of SQLite has the whole database: there, nobody else writes meanwhile.
pub(in crate::testing) async fn a_job_that_is_completed_and_not_committed_costs_no_other_its_lease(
    queue: Queue,
) -> Done {
    #[cfg(feature = "postgres")]
    if queue.is_on_postgres() {
        return keep_a_lease_beside_a_completion(queue).await;
    }
    drop(queue);
    Ok(())
}

#[cfg(feature = "postgres")]
async fn keep_a_lease_beside_a_completion(queue: Queue) -> Done {
    let lease = Duration::from_secs(1);
    let (completed, mut completions) = mpsc::unbounded_channel();
    let commit = Arc::new(Notify::new());
    let workers = |jobs: Jobs| {
        let (completed, commit) = (completed.clone(), Arc::clone(&commit));
        let workers = Workers::new(jobs.clone()).queue("notes", 2).with_lease(lease);
        run(workers.handle(move |note: Note, cx: JobCx| {
            let (jobs, completed, commit) = (jobs.clone(), completed.clone(), Arc::clone(&commit));
            async move {
                if note.text == "slow" {
                    let mut tx = jobs.begin_pg().await?;
                    cx.complete_in_pg(&mut tx, Outcome::done()).await?;
                    completed.send(())?;
                    commit.notified().await;
                    return Ok(tx.commit().await?);
                }
                // By the clock that leases run out by.
                let until = jobs.inner.store.now().await? + 2_500;
                while jobs.inner.store.now().await? < until {}
                Done::Ok(())
            }
        }))
    };
    let batch = queue.jobs.batch([note("slow"), note("beside")]);
    let batch = batch.then(NewJob::new(note("over")).queue("others")).await?;
    let [slow, beside] = [batch.jobs[0].id(), batch.jobs[1].id()];
    let first = workers(queue.jobs.clone());
    completions.recv().await;
    // It has places left, and looks for what others have lost.
    let second = workers(queue.other().await);
    let record = queue.wait(beside).await;
    commit.notify_one();
    let slow = queue.wait(slow).await;
    let over = loop {
        let others = queue.jobs.list(Filter::new().with_queue("others")).await?;
        if !others.jobs.is_empty() {
            break others.jobs.len();
        }
    };
    first.end().await;
    second.end().await;

    assert_eq!(over, 1);
    assert_eq!((record.state, record.attempt), (State::Completed, 1));
    assert_eq!((slow.state, slow.attempt), (State::Completed, 1));
    Ok(())
}
