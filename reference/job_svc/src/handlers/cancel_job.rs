use mcsv_protos::v1::{CancelJobRequest, CancelJobResponse};
use mcsv_rpc::Result;

use super::{JobApp, job_id, jobs_error, not_found};

pub(crate) async fn handle(app: &JobApp, request: CancelJobRequest) -> Result<CancelJobResponse> {
    let id = job_id(request.job_id)?;
    let Some(job) = app.jobs.get(id).await.map_err(jobs_error)? else {
        return Err(not_found(id));
    };
    let success = app.jobs.cancel(id).await.map_err(jobs_error)?;
    let message = match success {
        true => "cancelled".to_owned(),
        false => format!("the job has ended: it is {}", job.state()),
    };
    Ok(CancelJobResponse { success, message })
}
