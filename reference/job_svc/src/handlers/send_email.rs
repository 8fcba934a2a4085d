use mcsv_protos::v1::{EmailRequest, UserResponse};
use mcsv_rpc::{Cx, Result};

use super::{JobApp, acknowledged, jobs_error};
use crate::kinds::Email;

pub(crate) async fn handle(app: &JobApp, cx: &Cx, request: EmailRequest) -> Result<UserResponse> {
    let enqueued = app.jobs.enqueue(Email::checked(request)?).await.map_err(jobs_error)?;
    Ok(acknowledged(cx, "mail", &enqueued))
}
