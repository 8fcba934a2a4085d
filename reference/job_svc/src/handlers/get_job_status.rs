use mcsv_protos::v1::{GetJobStatusRequest, JobStatusResponse};
use mcsv_rpc::Result;

use super::{JobApp, job_id, jobs_error, not_found, status};

pub(crate) async fn handle(
    app: &JobApp,
    request: GetJobStatusRequest,
) -> Result<JobStatusResponse> {
    let id = job_id(request.job_id)?;
    let job = app.jobs.get(id).await.map_err(jobs_error)?;
    job.map(|job| status::of(&job)).ok_or_else(|| not_found(id))
}
