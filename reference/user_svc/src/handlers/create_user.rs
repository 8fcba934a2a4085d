use mcsv_core::IdempotencyKey;
use mcsv_protos::rules::{self, invalid};
use mcsv_protos::v1::{EmailRequest, EmailType, UserRequest, UserResponse};
use mcsv_rpc::{Cx, Result};

use super::{UserApp, job_svc_error};

pub(crate) async fn handle(app: &UserApp, cx: &Cx, request: UserRequest) -> Result<UserResponse> {
    let email_type = check(&request)?;
    let key = key(&request, email_type);
    // A user is welcomed once, however often a caller repeats itself: the mail's own name derives
    // from the user. Other mails may come again once the one before has been sent.
    let email_id = match email_type {
        "welcome" => key.as_str().to_owned(),
        _ => String::new(),
    };
    let mail = EmailRequest {
        user_id: request.id,
        user_name: request.name,
        user_email: request.email,
        email_type: email_type.to_owned(),
        variables: request.variables,
        email_id,
        request_id: key.as_str().to_owned(),
    };
    let enqueued = app.job_svc.send_email(mail).await.map_err(job_svc_error)?;
    tracing::info!(job_id = enqueued.job_id, email_type, "mail enqueued");
    Ok(UserResponse {
        ok: true,
        message: format!("the {email_type} mail is on its way"),
        job_id: enqueued.job_id,
        storage_id: String::new(),
        trace_id: cx.trace().trace_id().to_string(),
    })
}

/// Names the wish: for the welcome mail the user, for any other what it says.
fn key(request: &UserRequest, email_type: &str) -> IdempotencyKey {
    let mut parts = vec![request.id.as_str(), &request.email, email_type];
    if email_type != "welcome" {
        parts.push(&request.name);
        parts.extend(request.variables.iter().flat_map(|(name, value)| [name.as_str(), value]));
    }
    IdempotencyKey::derive("create_user", &parts)
}

fn check(request: &UserRequest) -> Result<&'static str> {
    rules::user_id("id", &request.id)?;
    rules::user_name("name", &request.name)?;
    rules::email_address("email", &request.email)?;
    rules::variables("variables", &request.variables)?;
    match EmailType::try_from(request.r#type) {
        Ok(EmailType::Unspecified | EmailType::Welcome) => Ok("welcome"),
        Ok(EmailType::Notification) => Ok("notification"),
        Ok(EmailType::UserUpdated) => Ok("user_updated"),
        Err(_) => Err(invalid("type", format!("unknown type {}: give 0 to 3", request.r#type))),
    }
}
