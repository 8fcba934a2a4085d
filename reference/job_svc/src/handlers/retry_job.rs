use mcsv_protos::v1::{RetryJobRequest, RetryJobResponse};
use mcsv_rpc::Result;

use super::{JobApp, job_id, jobs_error, not_found, unix_seconds};

pub(crate) async fn handle(app: &JobApp, request: RetryJobRequest) -> Result<RetryJobResponse> {
    let id = job_id(request.job_id)?;
    match app.jobs.retry(id).await {
        Ok(job) => Ok(RetryJobResponse {
            success: true,
            message: "enqueued again".to_owned(),
            scheduled_at: unix_seconds(job.scheduled_at),
        }),
        Err(error) if error.is_not_found() => Err(not_found(id)),
        Err(error) if error.is_conflict() => {
            Ok(RetryJobResponse { message: error.to_string(), ..RetryJobResponse::default() })
        }
        Err(error) => Err(jobs_error(error)),
    }
}
