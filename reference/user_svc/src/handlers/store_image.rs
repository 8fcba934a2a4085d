use mcsv_protos::rules::{self, invalid};
use mcsv_protos::v1::{StoreImageRequest, StoreImageResponse};
use mcsv_rpc::{Error, Result};
use mcsv_storage::ObjectKey;

use super::{UserApp, signing_error, size, source, store_error};

pub(crate) async fn handle(
    app: &UserApp,
    request: StoreImageRequest,
) -> Result<StoreImageResponse> {
    rules::user_id("user_id", &request.user_id)?;
    let len = request.image_data.len() as u64;
    if len == 0 || len > app.max_bytes {
        return Err(invalid("image_data", format!("{len} bytes: give 1 to {}", app.max_bytes)));
    }
    let (extension, media_type) = kind(&request)?;
    let key = ObjectKey::timestamped(extension)
        .map_err(|error| Error::internal("no key could be made").with_source(error))?;
    app.store.put(&key, request.image_data).content_type(media_type).await.map_err(store_error)?;
    let link = app.signer.presign_get(&key).expires_in(app.link_ttl);
    let link = link.sign().map_err(signing_error)?;
    tracing::info!(storage_id = %key, original = request.original_storage_id, len, "image stored");
    Ok(StoreImageResponse {
        success: true,
        message: "stored".to_owned(),
        storage_id: key.to_string(),
        presigned_url: link.url().to_string(),
        size: size(len),
    })
}

fn kind(request: &StoreImageRequest) -> Result<(&'static str, &'static str)> {
    let is_pdf = request.image_data.starts_with(b"%PDF-");
    match request.format.as_str() {
        "pdf" if !is_pdf => Err(invalid("format", "pdf was said and the bytes are none")),
        "pdf" | "" if is_pdf => Ok(("pdf", "application/pdf")),
        said => {
            let format = source::format("image_data", &request.image_data, "format", said)?;
            Ok((format.extension(), format.media_type()))
        }
    }
}
