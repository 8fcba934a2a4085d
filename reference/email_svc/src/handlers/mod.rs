//! One file per method.

mod deliver_email;

use lettre::message::Mailbox;
use mcsv_protos::v1::{EmailRequest, EmailResponse, EmailService, JobServiceClient};
use mcsv_rpc::{Cx, Result};
use mcsv_settings::ServiceToken;

use crate::transport::Transport;

pub(crate) struct EmailApp {
    pub(crate) transport: Transport,
    pub(crate) job_svc: JobServiceClient,
    pub(crate) token: ServiceToken,
    pub(crate) from: Mailbox,
}

impl EmailService for EmailApp {
    async fn deliver_email(&self, cx: &mut Cx, request: EmailRequest) -> Result<EmailResponse> {
        self.token.check(cx.headers())?;
        deliver_email::handle(self, cx, request).await
    }
}
