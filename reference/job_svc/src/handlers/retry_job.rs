use std::time::SystemTime;

use mcsv_protos::v1::{RetryJobRequest, RetryJobResponse};
use mcsv_rpc::Result;

use super::{JobApp, job_id, jobs_error, not_found, unix_seconds};

pub(crate) async fn handle(app: &JobApp, request: RetryJobRequest) -> Result<RetryJobResponse> {
    let id = job_id(request.job_id)?;
    let Some(job) = app.jobs.get(id).await.map_err(jobs_error)? else {
        return Err(not_found(id));
    };
    let success = app.jobs.retry(id).await.map_err(jobs_error)?;
    let message = match success {
        true => "enqueued again".to_owned(),
        false => format!("the job has not ended, or its like is on its way: it is {}", job.state()),
    };
    Ok(RetryJobResponse { success, message, scheduled_at: unix_seconds(SystemTime::now()) })
}
