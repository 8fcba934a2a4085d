//! Bulks that are larger than what SQLite takes as one text.

use mcsv_jobs::Filter;

use crate::kit::{Done, Queue, assert_sound, note};

/// Nearly the most that a job may have.
const LARGE: usize = 250_000;
/// More than one statement is given.
const MANY: usize = 40;

#[tokio::test]
async fn a_bulk_of_large_jobs_is_one_bulk() -> Done {
    let queue = Queue::new().await;
    let filling = "x".repeat(LARGE);
    let mut notes: Vec<_> = (0..MANY).map(|n| note(&format!("{n} {filling}"))).collect();
    // The first, one of the middle and the last are the same job.
    let twins = [0, MANY / 2, MANY - 1];
    for twin in twins {
        notes[twin] = note("unique twin");
    }

    let made = queue.jobs.enqueue_all(notes.clone()).await?;

    let ids: Vec<_> = made.iter().map(|one| (one.id(), one.is_new())).collect();
    for (index, note) in notes.iter().enumerate() {
        if twins[1..].contains(&index) {
            assert_eq!(ids[index], (ids[0].0, false));
        } else {
            let record = queue.jobs.get(ids[index].0).await?.ok_or("no job")?;
            assert_eq!(queue.jobs.open::<crate::kit::Note>(&record)?, *note);
        }
    }
    let all = Filter::new().with_limit(Filter::MOST);
    assert_eq!(queue.jobs.list(all).await?.jobs.len(), MANY - 2);
    assert_sound(&queue.jobs).await
}
