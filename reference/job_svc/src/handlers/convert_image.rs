use mcsv_protos::v1::{ImageConversionRequest, UserResponse};
use mcsv_rpc::{Cx, Result};

use super::{JobApp, acknowledged, jobs_error};
use crate::kinds::ConvertImage;

pub(crate) async fn handle(
    app: &JobApp,
    cx: &Cx,
    request: ImageConversionRequest,
) -> Result<UserResponse> {
    let job = ConvertImage::checked(request)?;
    let enqueued = app.jobs.enqueue(job).await.map_err(jobs_error)?;
    Ok(acknowledged(cx, "conversion", &enqueued))
}
