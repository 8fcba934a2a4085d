use mcsv_jobs::{QueueStats, State};
use mcsv_protos::v1::get_queue_stats_response;
use mcsv_protos::v1::{GetQueueStatsRequest, GetQueueStatsResponse};
use mcsv_rpc::Result;

use super::{JobApp, jobs_error};

pub(crate) async fn handle(
    app: &JobApp,
    request: GetQueueStatsRequest,
) -> Result<GetQueueStatsResponse> {
    let stats = app.jobs.stats().await.map_err(jobs_error)?;
    let wanted = |stats: &&QueueStats| request.queue.is_empty() || stats.queue == request.queue;
    Ok(GetQueueStatsResponse { stats: stats.iter().filter(wanted).map(counts).collect() })
}

fn counts(stats: &QueueStats) -> get_queue_stats_response::QueueStats {
    let count = |state| i32::try_from(stats.count(state)).unwrap_or(i32::MAX);
    get_queue_stats_response::QueueStats {
        queue: stats.queue.clone(),
        available: count(State::Available),
        scheduled: count(State::Scheduled),
        executing: count(State::Executing),
        retryable: count(State::Retryable),
        completed: count(State::Completed),
        discarded: count(State::Discarded),
        cancelled: count(State::Cancelled),
    }
}
