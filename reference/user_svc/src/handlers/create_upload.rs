use std::time::Duration;

use mcsv_protos::rules::invalid;
use mcsv_protos::v1::{CreateUploadRequest, CreateUploadResponse};
use mcsv_rpc::{Error, Result};
use mcsv_storage::ObjectKey;

use super::{UserApp, signing_error, unix_seconds};

/// Time for a slow line to send a large image.
const UPLOAD_TTL: Duration = Duration::from_secs(15 * 60);

pub(crate) fn handle(app: &UserApp, request: CreateUploadRequest) -> Result<CreateUploadResponse> {
    let extension = match request.content_type.as_str() {
        "image/png" => "png",
        "image/jpeg" => "jpg",
        other => {
            let shown: String = other.chars().take(64).collect();
            return Err(invalid(
                "content_type",
                format!("{shown:?}: give image/png or image/jpeg"),
            ));
        }
    };
    let length = u64::try_from(request.content_length).unwrap_or_default();
    if length == 0 || length > app.max_bytes {
        let problem = format!("{} bytes: give 1 to {}", request.content_length, app.max_bytes);
        return Err(invalid("content_length", problem));
    }
    let key = ObjectKey::timestamped(extension)
        .map_err(|error| Error::internal("no key could be made").with_source(error))?;
    let mut put = app
        .signer
        .presign_put(&key)
        .expires_in(UPLOAD_TTL)
        .content_type(&request.content_type)
        .exact_len(length);
    if !request.sha256.is_empty() {
        let digest: [u8; 32] = request.sha256.as_ref().try_into().map_err(|_| {
            invalid("sha256", format!("{} bytes: give 32, or none", request.sha256.len()))
        })?;
        put = put.sha256(digest);
    }
    let signed = put.sign().map_err(signing_error)?;
    let headers = signed
        .headers()
        .iter()
        .filter_map(|(name, value)| Some((name.to_string(), value.to_str().ok()?.to_owned())))
        .collect();
    Ok(CreateUploadResponse {
        storage_id: key.to_string(),
        upload_url: signed.url().to_string(),
        method: signed.method().to_string(),
        headers,
        expires_at: unix_seconds(signed.expires_at()),
    })
}
