use mcsv_jobs::{Filter, Job, State};
use mcsv_protos::v1::{ImageConversionRequest, UserResponse};
use mcsv_rpc::{Cx, Result};

use super::{JobApp, acknowledged, jobs_error};
use crate::kinds::ConvertImage;

/// A conversion that succeeded is not made again: its source is gone, and who asks twice has lost
/// the first answer.
pub(crate) async fn handle(
    app: &JobApp,
    cx: &Cx,
    request: ImageConversionRequest,
) -> Result<UserResponse> {
    let job = ConvertImage::checked(request)?;
    let done = Filter::new()
        .with_kind(ConvertImage::KIND)
        .with_state(State::Completed)
        .with_unique_keys(job.unique_key())
        .with_limit(1);
    let done = app.jobs.list(done).await.map_err(jobs_error)?;
    if let Some(done) = done.jobs.first() {
        return Ok(UserResponse {
            ok: true,
            message: "the conversion has been made".to_owned(),
            job_id: done.id.get(),
            trace_id: cx.trace().trace_id().to_string(),
            ..UserResponse::default()
        });
    }
    let enqueued = app.jobs.enqueue(job).await.map_err(jobs_error)?;
    Ok(acknowledged(cx, "conversion", &enqueued))
}
