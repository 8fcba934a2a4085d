use std::time::{Duration, SystemTime};

use futures_util::future::{join_all, poll_immediate};
use mcsv_jobs::{ErrorKind, Filter, Jobs, NewJob, State};

use crate::kit::{Done, Note, Queue, note, run};

#[tokio::test]
async fn a_job_exists_if_and_only_if_the_callers_transaction_commits() -> Done {
    let queue = Queue::new().await;

    let mut tx = queue.jobs.begin().await?;
    queue.jobs.enqueue(note("rolled back")).on(&mut tx).await?;
    tx.rollback().await?;
    let mut tx = queue.jobs.begin().await?;
    let kept = queue.jobs.enqueue(note("kept")).on(&mut tx).await?.id();
    tx.commit().await?;

    let page = queue.jobs.list(Filter::new()).await?;
    assert_eq!(page.jobs.iter().map(|job| job.id).collect::<Vec<_>>(), [kept]);
    assert_eq!(queue.jobs.events(kept).await?.len(), 1);
    Ok(())
}

#[tokio::test]
async fn an_idle_worker_notices_a_commit_of_somebody_else() -> Done {
    let queue = Queue::new().await;
    let running = run(queue.workers().handle(|_: Note, _| async { Done::Ok(()) }));
    let first = queue.jobs.enqueue(note("now it is idle")).await?.id();
    queue.wait(first).await;

    let other = queue.other().await;
    let mut tx = other.begin().await?;
    let id = other.enqueue(note("from elsewhere")).on(&mut tx).await?.id();
    tx.commit().await?;

    assert_eq!(queue.wait(id).await.state, State::Completed);
    running.end().await;
    Ok(())
}

#[tokio::test]
async fn a_write_waits_for_a_locked_database() -> Done {
    let queue = Queue::new().await;
    let other = queue.other().await;
    let lock = other.begin().await?;

    let mut enqueuing = Box::pin(async { queue.jobs.enqueue(note("patient")).await });
    assert!(poll_immediate(&mut enqueuing).await.is_none());
    lock.rollback().await?;

    assert!(enqueuing.await?.is_new());
    Ok(())
}

#[tokio::test]
async fn callers_at_the_same_time_each_get_their_own_job() -> Done {
    let queue = Queue::new().await;
    let enqueues = (0..64).map(|n| async move { (n, note(&format!("{n}"))) });
    let jobs = &queue.jobs;
    let made = join_all(enqueues.map(|job| async {
        let (n, job) = job.await;
        jobs.enqueue(job).await.map(|made| (n, made.id()))
    }))
    .await;

    for made in made {
        let (n, id) = made?;
        let record = jobs.get(id).await?.ok_or("no job")?;
        assert_eq!(record.decode::<Note>()?, note(&format!("{n}")));
    }
    Ok(())
}

#[tokio::test]
async fn one_refused_caller_does_not_harm_the_others_of_his_group() -> Done {
    let queue = Queue::new().await;
    let large = note(&"x".repeat(300_000));

    let (good, bad) = tokio::join!(async { queue.jobs.enqueue(note("good")).await }, async {
        queue.jobs.enqueue(large).await
    });

    assert!(good?.is_new());
    assert_eq!(bad.unwrap_err().kind(), ErrorKind::TooLarge);
    Ok(())
}

#[tokio::test]
async fn a_scheduled_job_waits_for_its_time() -> Done {
    let queue = Queue::new().await;
    let jobs = &queue.jobs;
    let hour = Duration::from_secs(3600);
    let later = jobs.enqueue(note("later")).after(hour).await?.id();
    let at = jobs.enqueue(note("at")).at(SystemTime::now() + hour).await?.id();
    let soon = jobs.enqueue(note("soon")).after(Duration::from_millis(30)).await?.id();
    let past = jobs.enqueue(note("past")).at(SystemTime::UNIX_EPOCH).await?.id();
    let running = run(queue.workers().handle(|_: Note, _| async { Done::Ok(()) }));

    let ran = queue.wait(soon).await;
    queue.wait(past).await;
    running.end().await;

    assert!(ran.attempted_at >= Some(ran.scheduled_at));
    for id in [later, at] {
        let record = jobs.get(id).await?.ok_or("no job")?;
        assert_eq!((record.state, record.attempt), (State::Scheduled, 0));
    }
    Ok(())
}

#[tokio::test]
async fn wrong_names_are_refused() -> Done {
    let queue = Queue::new().await;

    let spaced = queue.jobs.enqueue(note("x")).queue("two words");
    assert_eq!(spaced.unwrap_err().kind(), ErrorKind::Invalid);
    let unnamed = queue.jobs.enqueue(NewJob::new(note("x")).queue("")).await;
    assert_eq!(unnamed.unwrap_err().kind(), ErrorKind::Invalid);
    let postgres = Jobs::connect("postgres://user:secret@host/db").await.unwrap_err();
    assert!(!postgres.to_string().contains("secret"));
    Ok(())
}
