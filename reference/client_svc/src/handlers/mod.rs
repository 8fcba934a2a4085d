//! One file per method.

mod pdf_ready;
mod receive_notification;

use mcsv_protos::v1::{ClientService, Notification, PdfReadyNotification, UserResponse};
use mcsv_rpc::{Cx, Result};
use mcsv_settings::ServiceToken;

use crate::Inbox;

pub(crate) struct ClientApp {
    pub(crate) inbox: Inbox,
    pub(crate) token: ServiceToken,
}

impl ClientService for ClientApp {
    async fn receive_notification(
        &self,
        cx: &mut Cx,
        request: Notification,
    ) -> Result<UserResponse> {
        self.token.check(cx.headers())?;
        receive_notification::handle(self, cx, request)
    }

    async fn pdf_ready(&self, cx: &mut Cx, request: PdfReadyNotification) -> Result<UserResponse> {
        self.token.check(cx.headers())?;
        pdf_ready::handle(self, cx, request)
    }
}

fn shown(cx: &Cx, is_new: bool) -> UserResponse {
    UserResponse {
        ok: true,
        message: if is_new { "shown" } else { "had been shown" }.to_owned(),
        trace_id: cx.trace().trace_id().to_string(),
        ..UserResponse::default()
    }
}
