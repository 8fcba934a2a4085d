//! One job per answer: what a caller waits for.

use futures_util::future::try_join_all;
use mcsv_jobs::Jobs;
use tokio::time::Instant;

use crate::BoxError;
use crate::case::Took;
use crate::job::{fill, nothing};

pub(crate) async fn ours(count: u32, callers: u32) -> Result<Took, BoxError> {
    let database = super::database().await?;
    let jobs = Jobs::connect(database.url()).await?;
    let start = Instant::now();
    let caller = |_| async {
        for _ in 0..count / callers {
            jobs.enqueue(nothing()).await?;
        }
        Ok::<_, BoxError>(())
    };
    try_join_all((0..callers).map(caller)).await?;
    Ok(Took { jobs: count, time: start.elapsed() })
}

pub(crate) async fn bulk(count: u32) -> Result<Took, BoxError> {
    let database = super::database().await?;
    let jobs = Jobs::connect(database.url()).await?;
    let start = Instant::now();
    fill(&jobs, count).await?;
    Ok(Took { jobs: count, time: start.elapsed() })
}
