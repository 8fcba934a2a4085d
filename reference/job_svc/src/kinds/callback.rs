use std::time::Duration;

use mcsv_jobs::{Job, Json, Policy};
use serde::{Deserialize, Serialize};

use super::for_a_day;

/// One call of client_svc. It holds no link: that is signed when it runs.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Callback {
    pub(crate) event_id: String,
    pub(crate) kind: CallbackKind,
    #[serde(default)]
    pub(crate) user_id: String,
    #[serde(default)]
    pub(crate) user_email: String,
    #[serde(default)]
    pub(crate) message: String,
    #[serde(default)]
    pub(crate) email_id: String,
    /// Of the conversion.
    #[serde(default)]
    pub(crate) job_id: i64,
    /// The source of the conversion.
    #[serde(default)]
    pub(crate) storage_id: String,
    #[serde(default)]
    pub(crate) pdf_storage_id: String,
    /// Bytes of the PDF.
    #[serde(default)]
    pub(crate) size: i64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum CallbackKind {
    EmailSent,
    EmailFailed,
    ConversionFailed,
    PdfReady,
}

impl CallbackKind {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            CallbackKind::EmailSent => "email_sent",
            CallbackKind::EmailFailed => "email_failed",
            CallbackKind::ConversionFailed => "conversion_failed",
            CallbackKind::PdfReady => "pdf_ready",
        }
    }
}

impl Job for Callback {
    const KIND: &'static str = "callback";
    const QUEUE: &'static str = "callbacks";
    type Codec = Json;

    fn policy() -> Policy {
        for_a_day(Duration::from_secs(5))
    }

    fn unique_key(&self) -> Option<String> {
        Some(self.event_id.clone())
    }
}
