use mcsv_jobs::State;
use mcsv_protos::v1::{CancelJobRequest, CancelJobResponse};
use mcsv_rpc::Result;

use super::{JobApp, job_id, jobs_error, not_found};

pub(crate) async fn handle(app: &JobApp, request: CancelJobRequest) -> Result<CancelJobResponse> {
    let id = job_id(request.job_id)?;
    match app.jobs.cancel(id).await {
        Ok(State::Cancelled) => {
            Ok(CancelJobResponse { success: true, message: "cancelled".into() })
        }
        Ok(_) => Ok(CancelJobResponse { success: true, message: "the running job is told".into() }),
        Err(error) if error.is_not_found() => Err(not_found(id)),
        Err(error) if error.is_conflict() => {
            Ok(CancelJobResponse { success: false, message: error.to_string() })
        }
        Err(error) => Err(jobs_error(error)),
    }
}
