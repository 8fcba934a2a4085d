use crate::{BoxError, Filter, JobCx, Outcome, State, Workers};
use serde_json::json;
use tokio::sync::mpsc;

use crate::testing::kit::{Done, Note, Queue, note, run};

pub(in crate::testing) async fn a_job_is_run_once_with_its_arguments_and_records_its_result(
    queue: Queue,
) -> Done {
    let (seen, mut notes) = mpsc::unbounded_channel();
    let running = run(queue.workers().handle(move |job: Note, cx: JobCx| {
        let seen = seen.clone();
        async move {
            seen.send((job, cx.id(), cx.attempt()))?;
            Ok::<_, BoxError>(Outcome::done().with_result(json!({ "pages": 3 })))
        }
    }));

    let id = queue.jobs.enqueue(note("hello")).await?.id();
    let record = queue.wait(id).await;
    running.end().await;

    assert_eq!(notes.recv().await, Some((note("hello"), id, 1)));
    assert_eq!(notes.recv().await, None);
    assert_eq!(record.state, State::Completed);
    assert_eq!(record.attempt, 1);
    assert_eq!(record.result, Some(json!({ "pages": 3 })));
    assert_eq!(record.decode::<Note>()?, note("hello"));
    Ok(())
}

pub(in crate::testing) async fn a_batch_is_enqueued_in_order_and_listed_page_by_page(
    queue: Queue,
) -> Done {
    let made = queue.jobs.enqueue_all((0..5).map(|n| note(&n.to_string()))).await?;
    let mut ids: Vec<_> = made.iter().map(|one| one.id()).collect();
    assert!(ids.is_sorted());

    let mut listed = Vec::new();
    let mut filter = Filter::new().with_queue("notes").with_limit(2);
    loop {
        let page = queue.jobs.list(filter.clone()).await?;
        listed.extend(page.jobs.iter().map(|job| job.id));
        let Some(next) = page.next else { break };
        filter = filter.with_page(next.to_string().parse()?);
    }

    ids.reverse();
    assert_eq!(listed, ids);
    Ok(())
}

pub(in crate::testing) async fn higher_priorities_start_first_and_equal_ones_in_order(
    queue: Queue,
) -> Done {
    for (text, priority) in [("low", -1), ("first", 0), ("second", 0), ("high", 100)] {
        queue.jobs.enqueue(note(text)).priority(priority).await?;
    }
    let (seen, mut notes) = mpsc::unbounded_channel();
    let running = run(queue.workers().queue("notes", 1).handle(move |job: Note, _: JobCx| {
        let seen = seen.clone();
        async move { Ok::<_, BoxError>(seen.send(job.text)?) }
    }));

    let mut order = Vec::new();
    for _ in 0..4 {
        order.extend(notes.recv().await);
    }
    running.end().await;

    assert_eq!(order, ["high", "first", "second", "low"]);
    Ok(())
}

pub(in crate::testing) async fn two_processes_on_one_queue_share_its_jobs_and_run_none_twice(
    queue: Queue,
) -> Done {
    let made = queue.jobs.enqueue_all((0..200).map(|n| note(&n.to_string()))).await?;
    let (seen, mut runs) = mpsc::unbounded_channel();
    let handler = move |_: Note, cx: JobCx| {
        let seen = seen.clone();
        async move { Ok::<_, BoxError>(seen.send(cx.id())?) }
    };
    let one = run(queue.workers().handle(handler.clone()));
    let two = run(Workers::new(queue.other().await).queue("notes", 7).handle(handler));
    for one in &made {
        queue.wait(one.id()).await;
    }
    one.end().await;
    two.end().await;

    let mut ran = Vec::new();
    while let Some(id) = runs.recv().await {
        ran.push(id);
    }
    ran.sort_unstable();
    assert_eq!(ran, made.iter().map(|one| one.id()).collect::<Vec<_>>());
    Ok(())
}
