use std::time::Duration;

use mcsv_protos::rules::invalid;
use mcsv_protos::v1::{PrepareConversionRequest, PrepareConversionResponse};
use mcsv_rpc::{Error, Result};
use mcsv_storage::ObjectKey;

use super::{UserApp, object_key, signing_error, store_error, unix_seconds};

/// An attempt ends within two minutes.
const ATTEMPT_TTL: Duration = Duration::from_secs(5 * 60);

pub(crate) async fn handle(
    app: &UserApp,
    request: PrepareConversionRequest,
) -> Result<PrepareConversionResponse> {
    let source = object_key("storage_id", &request.storage_id)?;
    let result = result_key(&source, request.job_id)?;
    let image_url = if request.image_url.is_empty() {
        app.store.stat(&source).await.map_err(|error| {
            if error.is_not_found() {
                return Error::not_found(format!("storage_id: no object {source} in the store"));
            }
            store_error(error)
        })?;
        let get = app.signer.presign_get(&source).expires_in(ATTEMPT_TTL).internal();
        get.sign().map_err(signing_error)?.url().to_string()
    } else {
        request.image_url
    };
    let put = app
        .signer
        .presign_put(&result)
        .expires_in(ATTEMPT_TTL)
        .content_type("application/pdf")
        // Samples that a compressor can't shrink may weigh many times what the image did.
        .max_len(app.max_bytes.saturating_mul(8))
        .internal()
        .sign()
        .map_err(signing_error)?;
    Ok(PrepareConversionResponse {
        image_url,
        pdf_upload_url: put.url().to_string(),
        pdf_storage_id: result.to_string(),
        expires_at: unix_seconds(put.expires_at()),
    })
}

/// The PDF's place derives from the source and the job, so that attempts overwrite each other and
/// nothing else.
fn result_key(source: &ObjectKey, job_id: i64) -> Result<ObjectKey> {
    if job_id < 1 {
        return Err(invalid("job_id", format!("{job_id}: give the job's number, 1 or more")));
    }
    let stem = source.as_str().rsplit_once('.').map_or(source.as_str(), |(stem, _)| stem);
    object_key("storage_id", &format!("{stem}-{job_id}.pdf"))
}
