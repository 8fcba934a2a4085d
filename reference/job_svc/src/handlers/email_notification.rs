use mcsv_protos::rules::{self, invalid};
use mcsv_protos::v1::{EmailResponse, UserResponse};
use mcsv_rpc::{Cx, Result};

use super::{JobApp, acknowledged, jobs_error};
use crate::kinds::NotifyUser;

pub(crate) async fn handle(app: &JobApp, cx: &Cx, report: EmailResponse) -> Result<UserResponse> {
    if report.email_id.is_empty() {
        return Err(invalid("email_id", "give the id of the mail that this is about"));
    }
    rules::token("email_id", &report.email_id)?;
    let enqueued = app.jobs.enqueue(NotifyUser::from(report)).await.map_err(jobs_error)?;
    Ok(acknowledged(cx, "report", &enqueued))
}
