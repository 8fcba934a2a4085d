//! honker's own batch calls in a loop, as its benchmark makes them; it deletes what is done.

use honker::{Database, EnqueueOpts, QueueOpts};
use tokio::time::Instant;

use crate::BoxError;
use crate::case::Took;
use crate::job::nothing;

const BATCH: i64 = 128;

pub(crate) async fn drain(count: u32, synchronous: &'static str) -> Result<Took, BoxError> {
    tokio::task::spawn_blocking(move || {
        let folder = tempfile::tempdir()?;
        let database = open(&folder, synchronous)?;
        let queue = database.queue("bench", QueueOpts::default());
        for from in (0..count).step_by(1_000) {
            let tx = database.transaction()?;
            for _ in from..count.min(from + 1_000) {
                queue.enqueue_tx(&tx, &nothing(), EnqueueOpts::default())?;
            }
            tx.commit()?;
        }
        let start = Instant::now();
        let mut done = 0;
        loop {
            let claimed = queue.claim_batch("worker", BATCH)?;
            if claimed.is_empty() {
                break;
            }
            let ids: Vec<i64> = claimed.iter().map(|job| job.id).collect();
            done += queue.ack_batch(&ids, "worker")?;
        }
        let time = start.elapsed();
        if done != i64::from(count) {
            return Err(format!("{done} of {count} are done").into());
        }
        Ok(Took { jobs: count, time })
    })
    .await?
}

pub(crate) async fn enqueue(count: u32) -> Result<Took, BoxError> {
    tokio::task::spawn_blocking(move || {
        let folder = tempfile::tempdir()?;
        let database = open(&folder, "FULL")?;
        let queue = database.queue("bench", QueueOpts::default());
        let start = Instant::now();
        for _ in 0..count {
            queue.enqueue(&nothing(), EnqueueOpts::default())?;
        }
        Ok(Took { jobs: count, time: start.elapsed() })
    })
    .await?
}

fn open(folder: &tempfile::TempDir, synchronous: &str) -> Result<Database, BoxError> {
    let database = Database::open(folder.path().join("jobs.db"))?;
    database.with_conn(|conn| conn.pragma_update(None, "synchronous", synchronous))?;
    Ok(database)
}
