use std::collections::BTreeMap;

use mcsv_protos::rules::{self, invalid};
use mcsv_protos::v1::{EmailResponse, EnqueueJobRequest, UserResponse};
use mcsv_rpc::{Cx, Result};

use super::{UserApp, job_svc_error};

/// Asks for the callback. It is named after the mail, so that a second report of the same delivery
/// asks for nothing more.
pub(crate) async fn handle(app: &UserApp, cx: &Cx, report: EmailResponse) -> Result<UserResponse> {
    if report.email_id.is_empty() {
        return Err(invalid("email_id", "give the id of the mail that this is about"));
    }
    rules::token("email_id", &report.email_id)?;
    let kind = if report.success { "email_sent" } else { "email_failed" };
    let args = BTreeMap::from([
        ("event_id".to_owned(), format!("{kind}-{}", report.email_id)),
        ("kind".to_owned(), kind.to_owned()),
        ("user_id".to_owned(), report.user_id),
        ("user_email".to_owned(), report.user_email),
        ("message".to_owned(), format!("{} mail: {}", report.email_type, report.message)),
        ("email_id".to_owned(), report.email_id),
    ]);
    let callback =
        EnqueueJobRequest { worker: "callback".to_owned(), args, ..EnqueueJobRequest::default() };
    let enqueued = app.job_svc.enqueue_job(callback).await.map_err(job_svc_error)?;
    Ok(UserResponse {
        ok: true,
        message: "the callback is on its way".to_owned(),
        job_id: enqueued.job_id,
        storage_id: String::new(),
        trace_id: cx.trace().trace_id().to_string(),
    })
}
