use mcsv_protos::rules::{self, invalid};
use mcsv_protos::v1::{Notification, UserResponse};
use mcsv_rpc::{Cx, Result};

use super::{ClientApp, shown};
use crate::Message;

pub(crate) fn handle(app: &ClientApp, cx: &Cx, request: Notification) -> Result<UserResponse> {
    rules::event_id("event_id", &request.event_id)?;
    if request.message.len() > 8_192 {
        return Err(invalid("message", "give at most 8,192 bytes"));
    }
    tracing::info!(
        event_id = request.event_id,
        kind = request.kind,
        user_id = request.user_id,
        success = request.success,
        text = request.message,
        "notification received"
    );
    let is_new = app.inbox.receive(Message::Notification(request));
    Ok(shown(cx, is_new))
}
