use mcsv_protos::rules::{self, invalid};
use mcsv_protos::v1::{PdfReadyNotification, UserResponse};
use mcsv_rpc::{Cx, Result};

use super::{ClientApp, shown};
use crate::Message;

pub(crate) fn handle(
    app: &ClientApp,
    cx: &Cx,
    request: PdfReadyNotification,
) -> Result<UserResponse> {
    rules::event_id("event_id", &request.event_id)?;
    if request.presigned_url.len() > 8_192 {
        return Err(invalid("presigned_url", "give at most 8,192 bytes"));
    }
    tracing::info!(
        event_id = request.event_id,
        job_id = request.job_id,
        storage_id = request.storage_id,
        size = request.size,
        "pdf ready"
    );
    let is_new = app.inbox.receive(Message::PdfReady(request));
    Ok(shown(cx, is_new))
}
