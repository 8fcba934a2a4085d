use futures_util::future::poll_immediate;

use crate::kit::{Done, Queue, note};

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
