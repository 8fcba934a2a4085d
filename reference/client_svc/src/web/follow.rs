use mcsv_protos::v1::GetConversionRequest;
use mcsv_rpc::Result;
use serde_json::{Value, json};
use tokio::time::Duration;

use super::{Web, bad};
use crate::Message;

/// How far a conversion is. Who asks knows its unguessable `storage_id`, and so may see it.
pub(super) async fn handle(web: Web, job_id: &str, storage_id: &str) -> Result<Value> {
    let job_id: i64 = job_id.parse().map_err(|_| bad("job_id", "give the job's number"))?;
    let request = GetConversionRequest { job_id, storage_id: storage_id.to_owned() };
    let conversion = web.user_svc.get_conversion(request).timeout(Duration::from_secs(10)).await?;
    let callback = web.inbox.find(|message| message.job_id() == job_id);
    let callback = callback.map(|message| match message {
        Message::PdfReady(ready) => json!({ "kind": "pdf_ready", "message": ready.message }),
        Message::Notification(told) => json!({ "kind": told.kind, "message": told.message }),
    });
    Ok(json!({
        "state": conversion.state,
        "error": conversion.error,
        "attempt": conversion.attempt,
        "url": conversion.presigned_url,
        "input_size": conversion.input_size,
        "output_size": conversion.output_size,
        "width": conversion.width,
        "height": conversion.height,
        "callback": callback,
    }))
}
