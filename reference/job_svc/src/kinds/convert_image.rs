use std::collections::BTreeMap;
use std::time::Duration;

use mcsv_core::IdempotencyKey;
use mcsv_jobs::{Job, JobId, Json, Policy};
use mcsv_protos::rules::{self, invalid};
use mcsv_protos::v1::ImageConversionRequest;
use mcsv_rpc::Result;
use serde::{Deserialize, Serialize};

use super::{Email, backoff};

/// One conversion: references and options, no bytes.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct ConvertImage {
    pub(crate) user_id: String,
    pub(crate) user_name: String,
    pub(crate) user_email: String,
    pub(crate) storage_id: String,
    /// Only for an external source.
    #[serde(default)]
    pub(crate) image_url: String,
    #[serde(default)]
    pub(crate) file_name: String,
    #[serde(default)]
    pub(crate) input_format: String,
    #[serde(default)]
    pub(crate) pdf_quality: String,
    #[serde(default)]
    pub(crate) strip_metadata: bool,
    #[serde(default)]
    pub(crate) max_width: i32,
    #[serde(default)]
    pub(crate) max_height: i32,
}

impl Job for ConvertImage {
    const KIND: &'static str = "convert_image";
    const QUEUE: &'static str = "images";
    type Codec = Json;

    fn policy() -> Policy {
        Policy::default()
            .with_max_attempts(3)
            .with_timeout(Duration::from_secs(120))
            .with_backoff(backoff(Duration::from_secs(2), Duration::from_secs(60), 4.0))
    }

    fn unique_key(&self) -> Option<String> {
        let options = format!(
            "{} {} {}x{}",
            self.pdf_quality, self.strip_metadata, self.max_width, self.max_height
        );
        let key = IdempotencyKey::derive("convert_image", &[&self.storage_id, &options]);
        Some(key.as_str().to_owned())
    }
}

impl ConvertImage {
    /// The request, once its fields keep the rules.
    pub(crate) fn checked(request: ImageConversionRequest) -> Result<Self> {
        rules::user_id("user_id", &request.user_id)?;
        rules::email_address("user_email", &request.user_email)?;
        rules::pdf_quality(&request.pdf_quality)?;
        rules::max_side("max_width", request.max_width)?;
        rules::max_side("max_height", request.max_height)?;
        rules::file_name("file_name", &request.file_name)?;
        if !request.image_data.is_empty() {
            return Err(invalid("image_data", "the queue takes references only: give storage_id"));
        }
        if request.storage_id.is_empty() {
            return Err(invalid("storage_id", "give the stored image"));
        }
        Ok(ConvertImage {
            user_name: user_name(&request),
            user_id: request.user_id,
            user_email: request.user_email,
            storage_id: request.storage_id,
            image_url: request.image_url,
            file_name: request.file_name,
            input_format: request.input_format,
            pdf_quality: request.pdf_quality,
            strip_metadata: request.strip_metadata,
            max_width: request.max_width,
            max_height: request.max_height,
        })
    }

    /// The mail that tells how `job` ended. Its id derives from the job and the end, so that an
    /// outcome is mailed once.
    pub(crate) fn mail(&self, job: JobId, email_type: &str, variables: &[(&str, String)]) -> Email {
        let name = if self.file_name.is_empty() { "your image" } else { &self.file_name };
        let own = [("file_name", name.to_owned())];
        let variables = own.iter().chain(variables);
        let mail_id =
            IdempotencyKey::derive("conversion", &[&job.to_string(), &self.storage_id, email_type]);
        let mail_id = mail_id.as_str().to_owned();
        Email {
            user_id: self.user_id.clone(),
            user_name: self.user_name.clone(),
            user_email: self.user_email.clone(),
            email_type: email_type.to_owned(),
            variables: variables
                .map(|(name, value)| ((*name).to_owned(), value.clone()))
                .collect::<BTreeMap<_, _>>(),
            email_id: mail_id.clone(),
            request_id: mail_id,
        }
    }
}

fn user_name(request: &ImageConversionRequest) -> String {
    match request.user_name.as_str() {
        "" => request.user_email.split('@').next().unwrap_or_default().to_owned(),
        name => name.to_owned(),
    }
}
