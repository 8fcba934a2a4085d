use std::time::Duration;

use mcsv_jobs::{Job, Json, Policy};
use mcsv_protos::v1::{EmailResponse, ImageConversionResponse};
use serde::{Deserialize, Serialize};

use super::for_a_day;

/// Tells user_svc how a mail or a conversion ended.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(tag = "about", rename_all = "snake_case")]
pub(crate) enum NotifyUser {
    Email {
        success: bool,
        message: String,
        email_id: String,
        timestamp: i64,
        user_id: String,
        user_email: String,
        email_type: String,
    },
    Conversion(ConversionEnded),
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct ConversionEnded {
    pub(crate) success: bool,
    pub(crate) message: String,
    pub(crate) job_id: i64,
    pub(crate) storage_id: String,
    pub(crate) pdf_storage_id: String,
    pub(crate) user_id: String,
    pub(crate) user_email: String,
    pub(crate) file_name: String,
}

impl Job for NotifyUser {
    const KIND: &'static str = "notify_user";
    const QUEUE: &'static str = "callbacks";
    type Codec = Json;

    fn policy() -> Policy {
        for_a_day(Duration::from_secs(5))
    }

    fn unique_key(&self) -> Option<String> {
        Some(match self {
            NotifyUser::Email { email_id, success, .. } => format!("email-{email_id}-{success}"),
            NotifyUser::Conversion(ended) => {
                format!("conversion-{}-{}", ended.job_id, ended.success)
            }
        })
    }
}

impl From<EmailResponse> for NotifyUser {
    fn from(report: EmailResponse) -> Self {
        NotifyUser::Email {
            success: report.success,
            message: report.message,
            email_id: report.email_id,
            timestamp: report.timestamp,
            user_id: report.user_id,
            user_email: report.user_email,
            email_type: report.email_type,
        }
    }
}

impl From<ConversionEnded> for ImageConversionResponse {
    fn from(ended: ConversionEnded) -> Self {
        ImageConversionResponse {
            success: ended.success,
            message: ended.message,
            storage_id: ended.pdf_storage_id,
            original_storage_id: ended.storage_id,
            user_email: ended.user_email,
            user_id: ended.user_id,
            file_name: ended.file_name,
            job_id: ended.job_id,
            ..ImageConversionResponse::default()
        }
    }
}
