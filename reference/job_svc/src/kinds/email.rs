use std::collections::BTreeMap;
use std::time::Duration;

use mcsv_jobs::{Job, JobId, Json, Policy};
use mcsv_protos::rules;
use mcsv_protos::v1::{EmailRequest, EmailResponse};
use mcsv_rpc::Result;
use serde::{Deserialize, Serialize};

use super::backoff;

/// One mail.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Email {
    pub(crate) user_id: String,
    pub(crate) user_name: String,
    pub(crate) user_email: String,
    pub(crate) email_type: String,
    #[serde(default)]
    pub(crate) variables: BTreeMap<String, String>,
    /// Empty: the mail is named after its job.
    #[serde(default)]
    pub(crate) email_id: String,
    #[serde(default)]
    pub(crate) request_id: String,
}

impl Job for Email {
    const KIND: &'static str = "email";
    const QUEUE: &'static str = "emails";
    type Codec = Json;

    fn policy() -> Policy {
        Policy::default()
            .with_max_attempts(5)
            .with_timeout(Duration::from_secs(30))
            // 2 s, 8 s, 32 s, 128 s: through a restart of the mail server.
            .with_backoff(backoff(Duration::from_secs(2), Duration::from_secs(600), 4.0))
    }

    fn unique_key(&self) -> Option<String> {
        (!self.request_id.is_empty()).then(|| self.request_id.clone())
    }
}

impl Email {
    /// The request, once its fields keep the rules.
    pub(crate) fn checked(request: EmailRequest) -> Result<Self> {
        rules::user_id("user_id", &request.user_id)?;
        rules::user_name("user_name", &request.user_name)?;
        rules::email_address("user_email", &request.user_email)?;
        rules::email_type("email_type", &request.email_type)?;
        rules::variables("variables", &request.variables)?;
        rules::token("email_id", &request.email_id)?;
        rules::token("request_id", &request.request_id)?;
        Ok(Email {
            user_id: request.user_id,
            user_name: request.user_name,
            user_email: request.user_email,
            email_type: request.email_type,
            variables: request.variables,
            email_id: request.email_id,
            request_id: request.request_id,
        })
    }

    /// What email_svc is asked: the same for every attempt of `job`.
    pub(crate) fn request(&self, job: JobId) -> EmailRequest {
        EmailRequest {
            user_id: self.user_id.clone(),
            user_name: self.user_name.clone(),
            user_email: self.user_email.clone(),
            email_type: self.email_type.clone(),
            variables: self.variables.clone(),
            email_id: self.id_in(job),
            request_id: self.request_id.clone(),
        }
    }

    /// The report of a mail that was given up.
    pub(crate) fn failed(&self, job: JobId, reason: &str) -> EmailResponse {
        EmailResponse {
            success: false,
            message: reason.to_owned(),
            email_id: self.id_in(job),
            timestamp: 0,
            user_id: self.user_id.clone(),
            user_email: self.user_email.clone(),
            email_type: self.email_type.clone(),
        }
    }

    fn id_in(&self, job: JobId) -> String {
        if self.email_id.is_empty() { format!("job-{job}") } else { self.email_id.clone() }
    }
}
