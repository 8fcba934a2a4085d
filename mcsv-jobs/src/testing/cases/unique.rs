use crate::State;
use futures_util::future::join_all;

use crate::testing::kit::{Done, Note, Queue, note, run};

pub(in crate::testing) async fn a_unique_job_is_one_until_it_has_ended(queue: Queue) -> Done {
    let first = queue.jobs.enqueue(note("unique a")).await?;
    let second = queue.jobs.enqueue(note("unique a")).await?;
    let different = queue.jobs.enqueue(note("unique b")).await?;

    assert!(first.is_new() && different.is_new() && !second.is_new());
    assert_eq!(first.id(), second.id());

    queue.jobs.cancel(first.id()).await?;
    let again = queue.jobs.enqueue(note("unique a")).await?;
    assert!(again.is_new());
    assert_ne!(again.id(), first.id());
    Ok(())
}

pub(in crate::testing) async fn of_many_callers_at_the_same_time_one_makes_the_job(
    queue: Queue,
) -> Done {
    let other = queue.other().await;

    let all = (0..32).map(|n| {
        let jobs = if n % 2 == 0 { &queue.jobs } else { &other };
        async { jobs.enqueue(note("unique x")).await }
    });
    let made: Result<Vec<_>, _> = join_all(all).await.into_iter().collect();
    let made = made?;

    assert_eq!(made.iter().filter(|one| one.is_new()).count(), 1);
    assert!(made.iter().all(|one| one.id() == made[0].id()));
    Ok(())
}

pub(in crate::testing) async fn twins_in_one_batch_are_one_job(queue: Queue) -> Done {
    let made = queue.jobs.enqueue_all([note("unique t"), note("unique t")]).await?;

    assert_eq!(made[0].id(), made[1].id());
    assert_eq!([made[0].is_new(), made[1].is_new()], [true, false]);
    Ok(())
}

pub(in crate::testing) async fn a_retry_is_refused_while_another_job_has_the_key(
    queue: Queue,
) -> Done {
    let running = run(queue.workers().handle(|_: Note, _| async { Done::Ok(()) }));
    let ended = queue.jobs.enqueue(note("unique r")).await?.id();
    queue.wait(ended).await;
    running.end().await;
    let held = queue.jobs.enqueue(note("unique r")).await?.id();

    assert!(queue.jobs.retry(ended).await.unwrap_err().is_conflict());
    let keys = ["r".to_owned(), "s".to_owned()];
    assert_eq!(queue.jobs.unique_keys_unfinished("note", &keys).await?, ["r"]);

    queue.jobs.cancel(held).await?;
    assert_eq!(queue.jobs.retry(ended).await?.state, State::Available);
    Ok(())
}
