use apalis_core::backend::codec::Codec;
use apalis_core::backend::{
    Backend, BackendConfig, FetchById, Filter, ListAllTasks, ListQueues, ListTasks, ListWorkers,
    Metrics, TaskSink, WireFormatBackend,
};
use apalis_core::task::Task;
use apalis_core::task::builder::TaskBuilder;
use apalis_core::task::status::Status;
use apalis_core::task::task_id::TaskId;
use mcsv_core::Shutdown;
use mcsv_jobs::{BoxError, Job, JobCx, Json, NewJob, Outcome, State, Workers};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::kit::{Done, Note, Queue, note};

#[derive(Serialize, Deserialize)]
struct Other(u8);

impl Job for Other {
    const KIND: &'static str = "other";
    const QUEUE: &'static str = "others";
    type Codec = Json;
}

/// What apalis-board's API asks of a backend that is registered with it.
fn can_be_registered<B, T, Compact>(_: &B)
where
    B: Metrics + ListWorkers + ListAllTasks + ListQueues + BackendConfig + Send + Sync + 'static,
    B: ListTasks + FetchById + TaskSink<T, B::Kind>,
    B: WireFormatBackend<Compact = Compact> + Backend<Task = Task<Compact>>,
    B::Codec: Codec<T, Compact = Compact>,
    <B::Codec as Codec<T>>::Error: std::error::Error,
    Compact: Serialize + 'static,
    T: Serialize + DeserializeOwned + Send + 'static,
{
}

fn page(status: Option<Status>, page: u32, page_size: u32) -> Filter {
    Filter { status, page, page_size: Some(page_size) }
}

#[tokio::test]
async fn a_board_lists_its_kind_newest_first_page_by_page() -> Done {
    let queue = Queue::new().await;
    let board = queue.jobs.board::<Note>();
    can_be_registered::<_, Note, _>(&board);
    let notes = (0..5).map(|n| NewJob::new(note(&n.to_string())));
    queue.jobs.enqueue_all(notes).await?;
    queue.jobs.enqueue(Other(7)).await?;

    let mut texts = Vec::new();
    for number in 1..=4 {
        let tasks = board.list_tasks(&page(None, number, 2)).await?;
        texts.push(tasks.iter().map(|task| task.args["text"].clone()).collect::<Vec<_>>());
    }
    assert_eq!(
        texts,
        [vec![json!("4"), json!("3")], vec![json!("2"), json!("1")], vec![json!("0")], vec![]]
    );

    let all = board.list_all_tasks(&page(None, 0, 2)).await?;
    assert_eq!((all[0].args.clone(), all[0].ctx().status()), (json!(7), Status::Pending));
    assert_eq!(all[0].ctx().metadata().get("kind"), Some("other"));
    assert!(board.list_tasks(&page(None, 9, 5000)).await.is_ok());
    assert!(board.list_tasks(&page(None, u32::MAX, 1000)).await.is_err());
    Ok(())
}

#[tokio::test]
async fn a_board_shows_statuses_numbers_and_workers() -> Done {
    let queue = Queue::new().await;
    let id = queue.jobs.enqueue(note("done")).await?.id();
    let shutdown = Shutdown::new();
    let workers = Workers::new(queue.jobs.clone()).queue(Note::QUEUE, 1);
    let workers = workers.handle(async |_: Note, _: JobCx| Ok::<_, BoxError>(Outcome::done()));
    let running = tokio::spawn(workers.run(shutdown.clone()));
    let record = queue.wait(id).await;
    shutdown.begin();
    running.await??;
    let mut board = queue.jobs.board::<Note>();
    assert_eq!(record.state, State::Completed);

    let done = board.list_tasks(&page(Some(Status::Done), 1, 10)).await?;
    assert_eq!(done.len(), 1);
    assert_eq!(done[0].ctx().attempt(), 1);
    assert!(done[0].ctx().done_at().is_some());
    for other in [Status::Pending, Status::Queued, Status::Running, Status::Failed, Status::Killed]
    {
        assert!(board.list_tasks(&page(Some(other), 1, 10)).await?.is_empty());
    }
    for numbers in [board.global().await?, board.fetch_by_queue().await?] {
        let completed = numbers.iter().find(|number| number.title == "completed");
        assert_eq!(completed.map(|number| number.value.as_str()), Some("1"));
    }
    let queues = board.list_queues().await?;
    assert_eq!(queues.iter().map(|queue| queue.name.as_str()).collect::<Vec<_>>(), [Note::QUEUE]);
    assert!(board.list_all_workers().await?.is_empty());

    let id = TaskId::from_int(record.id.get().unsigned_abs());
    assert_eq!(
        board.fetch_by_id(&id).await?.map(|task| task.args),
        Some(json!({ "text": "done" }))
    );
    assert!(board.fetch_by_id(&TaskId::from_int(99)).await?.is_none());
    assert!(board.fetch_by_id(&TaskId::from_string("no number")).await.is_err());
    Ok(())
}

#[tokio::test]
async fn apalis_sink_enqueues_with_what_a_task_asks_for() -> Done {
    let queue = Queue::new().await;
    let mut board = queue.jobs.board::<Note>();
    board.push(note("plain")).await?;
    board.push_bulk(vec![note("a"), note("b")]).await?;
    let task = TaskBuilder::new(note("later")).run_in_hours(1).priority(7).max_attempts(2);
    board.push_task(task.queue("elsewhere".into()).build()).await?;

    let listed = queue.jobs.list(mcsv_jobs::Filter::new()).await?.jobs;
    let states: Vec<_> = listed.iter().map(|job| (job.state, job.queue.as_str())).collect();
    let plain = (State::Available, Note::QUEUE);
    assert_eq!(states, [(State::Scheduled, "elsewhere"), plain, plain, plain]);
    assert_eq!((listed[0].priority, listed[0].max_attempts), (7, 2));
    Ok(())
}

#[tokio::test]
async fn a_row_that_is_none_of_its_kind_is_left_out_and_shown_elsewhere() -> Done {
    let queue = Queue::new().await;
    queue.jobs.enqueue(note("fine")).await?;
    let broken = queue.jobs.enqueue(note("soon broken")).await?.id();
    let mut tx = queue.jobs.begin().await?;
    sqlx::query("UPDATE mcsv_jobs SET args = x'ff00' WHERE id = ?")
        .bind(broken.get())
        .execute(&mut *tx)
        .await?;
    tx.commit().await?;

    let board = queue.jobs.board::<Note>();
    assert_eq!(board.list_tasks(&page(None, 1, 10)).await?.len(), 1);
    let all = board.list_all_tasks(&page(None, 1, 10)).await?;
    assert_eq!(all[0].args, json!({ "bytes": 2 }));
    Ok(())
}
