use std::time::{Duration, SystemTime};

use crate::{ErrorKind, Filter, Jobs, NewJob, Replace, State, Unique};
use futures_util::future::join_all;

use crate::testing::kit::{Done, End, Note, Queue, note, run};

pub(in crate::testing) async fn a_job_exists_if_and_only_if_the_callers_transaction_commits(
    queue: Queue,
) -> Done {
    queue.enqueue_in_transaction(note("rolled back"), End::Rollback).await?;
    let kept = queue.enqueue_in_transaction(note("kept"), End::Commit).await?;

    let page = queue.jobs.list(Filter::new()).await?;
    assert_eq!(page.jobs.iter().map(|job| job.id).collect::<Vec<_>>(), [kept]);
    assert_eq!(queue.jobs.events(kept).await?.len(), 1);
    Ok(())
}

pub(in crate::testing) async fn many_jobs_exist_if_and_only_if_the_callers_transaction_commits(
    queue: Queue,
) -> Done {
    let there = queue.jobs.enqueue(note("unique there")).await?.id();
    let notes = ["a", "unique b", "unique b", "unique there"].map(note);
    for end in [End::Rollback, End::Commit] {
        let made = queue.enqueue_all_in_transaction(notes.to_vec(), end).await?;

        let is_new: Vec<bool> = made.iter().map(|one| one.is_new()).collect();
        assert_eq!(is_new, [true, true, false, false]);
        assert_eq!((made[2].id(), made[3].id()), (made[1].id(), there));
        let expected = if end == End::Commit { 3 } else { 1 };
        assert_eq!(queue.jobs.list(Filter::new()).await?.jobs.len(), expected);
    }
    assert_eq!(queue.enqueue_all_in_transaction(Vec::new(), End::Commit).await?, []);
    Ok(())
}

pub(in crate::testing) async fn an_idle_worker_notices_a_commit_of_somebody_else(
    queue: Queue,
) -> Done {
    let running = run(queue.workers().handle(|_: Note, _| async { Done::Ok(()) }));
    let first = queue.jobs.enqueue(note("now it is idle")).await?.id();
    queue.wait(first).await;

    let other = Queue { jobs: queue.other().await, url: queue.url.clone() };
    let id = other.enqueue_in_transaction(note("from elsewhere"), End::Commit).await?;

    assert_eq!(queue.wait(id).await.state, State::Completed);
    running.end().await;
    Ok(())
}

pub(in crate::testing) async fn callers_at_the_same_time_each_get_their_own_job(
    queue: Queue,
) -> Done {
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

pub(in crate::testing) async fn one_refused_caller_does_not_harm_the_others_of_his_group(
    queue: Queue,
) -> Done {
    let large = note(&"x".repeat(300_000));

    let (good, bad) = tokio::join!(async { queue.jobs.enqueue(note("good")).await }, async {
        queue.jobs.enqueue(large).await
    });

    assert!(good?.is_new());
    assert_eq!(bad.unwrap_err().kind(), ErrorKind::TooLarge);
    Ok(())
}

pub(in crate::testing) async fn a_scheduled_job_waits_for_its_time(queue: Queue) -> Done {
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

pub(in crate::testing) async fn a_job_for_a_time_that_has_passed_waits_from_its_enqueue_on(
    queue: Queue,
) -> Done {
    let long_ago = std::time::UNIX_EPOCH + Duration::from_secs(86_400);
    let rule = Unique::default().with_replace([Replace::Start]);
    let keyed = |text| NewJob::new(note(text)).unique_key("k").unique(rule);
    let first = queue.jobs.enqueue(note("first")).await?.id();
    let second = queue.jobs.enqueue(note("second")).at(long_ago).await?.id();
    let third = queue.jobs.enqueue(keyed("third").after(Duration::from_secs(3_600))).await?.id();
    queue.jobs.enqueue(keyed("again").at(long_ago)).await?;

    for id in [first, second, third] {
        let record = queue.jobs.get(id).await?.ok_or("no job")?;
        assert_eq!(record.state, State::Available);
        assert!(record.scheduled_at >= record.inserted_at, "{:?}", record.scheduled_at);
    }
    let depths = queue.jobs.depths().await?;
    assert!(depths[0].oldest < Duration::from_secs(86_400), "{depths:?}");
    Ok(())
}

pub(in crate::testing) async fn wrong_names_are_refused(queue: Queue) -> Done {
    let spaced = queue.jobs.enqueue(note("x")).queue("two words");
    assert_eq!(spaced.unwrap_err().kind(), ErrorKind::Invalid);
    let unnamed = queue.jobs.enqueue(NewJob::new(note("x")).queue("")).await;
    assert_eq!(unnamed.unwrap_err().kind(), ErrorKind::Invalid);
    for key in [note("unique \0"), note("unique x\0y")] {
        let refused = queue.jobs.enqueue_all([note("fine"), key]).await.unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::Invalid);
    }
    let cut = queue.jobs.enqueue(note("x")).partition("a\0").await;
    assert_eq!(cut.unwrap_err().kind(), ErrorKind::Invalid);
    for nowhere in ["sqlite:", "sqlite://"] {
        assert!(Jobs::connect(nowhere).await.unwrap_err().is_invalid());
    }
    let other = Jobs::connect("mysql://user:secret@host/db").await.unwrap_err();
    assert!(!format!("{other:?}").contains("secret"));
    Ok(())
}
