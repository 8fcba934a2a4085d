use std::collections::BTreeMap;

use mcsv_protos::rules::invalid;
use mcsv_protos::v1::{EnqueueJobRequest, ImageConversionResponse, UserResponse};
use mcsv_rpc::{Cx, Result};

use super::{UserApp, job_svc_error, object_key, store_error};

/// Asks for the callback, then deletes the source. In this order: if the second step fails, the
/// first is repeated without harm; the other way round the callback could be lost.
pub(crate) async fn handle(
    app: &UserApp,
    cx: &Cx,
    ended: ImageConversionResponse,
) -> Result<UserResponse> {
    if ended.job_id < 1 {
        return Err(invalid("job_id", "give the job whose outcome this is"));
    }
    let source = object_key("original_storage_id", &ended.original_storage_id)?;
    let callback = if ended.success { pdf_ready(app, &ended).await? } else { failed(&ended) };
    let callback = EnqueueJobRequest {
        worker: "callback".to_owned(),
        args: callback.into_iter().map(|(name, value)| (name.to_owned(), value)).collect(),
        ..EnqueueJobRequest::default()
    };
    let enqueued = app.job_svc.enqueue_job(callback).await.map_err(job_svc_error)?;
    // A failed conversion keeps its source until the clean-up: the job may be run again by hand.
    if ended.success {
        app.store.delete(&source).await.map_err(store_error)?;
    }
    Ok(UserResponse {
        ok: true,
        message: "the callback is on its way".to_owned(),
        job_id: enqueued.job_id,
        storage_id: ended.storage_id,
        trace_id: cx.trace().trace_id().to_string(),
    })
}

/// The link itself is not among the arguments: it is signed when the callback runs, so that it is
/// fresh however late that is, and lies in no database.
async fn pdf_ready(
    app: &UserApp,
    ended: &ImageConversionResponse,
) -> Result<BTreeMap<&'static str, String>> {
    let pdf = object_key("storage_id", &ended.storage_id)?;
    let size = app.store.stat(&pdf).await.map_err(store_error)?.len;
    let mut args = common("pdf_ready", "your PDF is ready", ended);
    args.insert("pdf_storage_id", pdf.to_string());
    args.insert("size", size.to_string());
    Ok(args)
}

fn failed(ended: &ImageConversionResponse) -> BTreeMap<&'static str, String> {
    common("conversion_failed", &ended.message, ended)
}

fn common(
    kind: &str,
    message: &str,
    ended: &ImageConversionResponse,
) -> BTreeMap<&'static str, String> {
    BTreeMap::from([
        ("event_id", format!("{kind}-{}", ended.job_id)),
        ("kind", kind.to_owned()),
        ("user_id", ended.user_id.clone()),
        ("user_email", ended.user_email.clone()),
        ("message", message.to_owned()),
        ("job_id", ended.job_id.to_string()),
        ("storage_id", ended.original_storage_id.clone()),
    ])
}
