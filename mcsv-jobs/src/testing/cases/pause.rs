use std::time::Duration;

use crate::State;
use crate::testing::kit::{Done, Note, Queue, note, run};

pub(in crate::testing) async fn a_paused_queue_starts_nothing_until_it_is_resumed(
    queue: Queue,
) -> Done {
    let other = queue.other().await;
    other.pause("notes").await?;
    other.pause("notes").await?;
    let running =
        run(queue.workers().queue("others", 1).handle(|_: Note, _| async { Done::Ok(()) }));
    let held = queue.jobs.enqueue(note("held")).await?.id();
    let due = queue.jobs.enqueue(note("due")).after(Duration::from_millis(1)).await?.id();
    let free = queue.jobs.enqueue(note("free")).queue("others")?.await?.id();

    queue.wait(free).await;
    for id in [held, due] {
        let record = queue.jobs.get(id).await?.ok_or("no job")?;
        assert_eq!(record.attempt, 0, "{record:?}");
    }
    assert_eq!(queue.jobs.paused().await?, ["notes"]);

    other.resume("notes").await?;
    for id in [held, due] {
        assert_eq!(queue.wait(id).await.state, State::Completed);
    }
    running.end().await;
    assert!(other.paused().await?.is_empty());
    assert!(other.pause("two words").await.unwrap_err().is_invalid());
    Ok(())
}
