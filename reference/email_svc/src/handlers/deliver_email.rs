use std::time::{SystemTime, UNIX_EPOCH};

use mcsv_protos::rules::{self, invalid};
use mcsv_protos::v1::{EmailRequest, EmailResponse};
use mcsv_rpc::{Cx, Result};

use super::EmailApp;
use crate::mail;
use crate::template::Template;
use crate::transport::Delivery;

/// Delivers, then reports. An attempt that failed between the two is finished by the next one: the
/// delivery is found done and only the report is made.
pub(crate) async fn handle(
    app: &EmailApp,
    cx: &Cx,
    request: EmailRequest,
) -> Result<EmailResponse> {
    let template = check(&request)?;
    let message = mail::build(&app.from, &request, template, cx.trace().trace_id())?;
    let delivery = app.transport.deliver(&request.email_id, &message).await?;
    let message = match &delivery {
        Delivery::Done(place) => {
            let name = template.name();
            metrics::counter!("emails_delivered_total", "email_type" => name).increment(1);
            format!("delivered {place}")
        }
        Delivery::DoneBefore(place) => format!("had been delivered {place}"),
    };
    tracing::info!(
        email_id = request.email_id,
        email_type = request.email_type,
        outcome = message,
        "mail delivered"
    );
    let report = EmailResponse {
        success: true,
        message,
        email_id: request.email_id,
        timestamp: unix_seconds(),
        user_id: request.user_id,
        user_email: request.user_email,
        email_type: request.email_type,
    };
    app.job_svc.email_notification(report.clone()).await?;
    Ok(report)
}

fn check(request: &EmailRequest) -> Result<&'static Template> {
    rules::user_id("user_id", &request.user_id)?;
    rules::user_name("user_name", &request.user_name)?;
    rules::email_address("user_email", &request.user_email)?;
    rules::variables("variables", &request.variables)?;
    rules::token("email_id", &request.email_id)?;
    if request.email_id.is_empty() {
        return Err(invalid("email_id", "give the name of the mail, the same for every attempt"));
    }
    rules::email_type("email_type", &request.email_type)?;
    // The rule and the templates are one list in two places; a test holds them together.
    Template::named(&request.email_type)
        .ok_or_else(|| invalid("email_type", "this mail has no template"))
}

fn unix_seconds() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
}
