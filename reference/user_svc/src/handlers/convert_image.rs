use http::Uri;
use mcsv_protos::rules::{self, invalid};
use mcsv_protos::v1::{ImageConversionRequest, UserResponse};
use mcsv_rpc::{Cx, Error, Result};
use mcsv_storage::ObjectKey;

use super::{UserApp, job_svc_error, object_key, source, store_error};

/// Answers once the conversion is durably asked for; it runs later.
pub(crate) async fn handle(
    app: &UserApp,
    cx: &Cx,
    mut request: ImageConversionRequest,
) -> Result<UserResponse> {
    check(&request)?;
    request.existing_only = false;
    let key = match Source::of(&request)? {
        Source::Inline => store_inline(app, &mut request).await?,
        Source::Stored => uploaded(app, &mut request).await?,
        Source::External => external(&request.image_url)?,
    };
    request.storage_id = key.to_string();
    let enqueued = app.job_svc.convert_image(request).await.map_err(job_svc_error)?;
    tracing::info!(job_id = enqueued.job_id, storage_id = %key, "conversion enqueued");
    Ok(UserResponse {
        ok: true,
        message: "the conversion is on its way".to_owned(),
        job_id: enqueued.job_id,
        storage_id: key.to_string(),
        trace_id: cx.trace().trace_id().to_string(),
    })
}

fn check(request: &ImageConversionRequest) -> Result<()> {
    rules::user_id("user_id", &request.user_id)?;
    rules::email_address("user_email", &request.user_email)?;
    rules::pdf_quality(&request.pdf_quality)?;
    rules::max_side("max_width", request.max_width)?;
    rules::max_side("max_height", request.max_height)?;
    rules::file_name("file_name", &request.file_name)?;
    if !request.user_name.is_empty() {
        rules::user_name("user_name", &request.user_name)?;
    }
    if !request.pdf_upload_url.is_empty() {
        return Err(invalid(
            "pdf_upload_url",
            "the store decides where the PDF goes: leave it empty",
        ));
    }
    Ok(())
}

enum Source {
    Inline,
    Stored,
    External,
}

impl Source {
    fn of(request: &ImageConversionRequest) -> Result<Self> {
        let ImageConversionRequest { image_data, storage_id, image_url, .. } = request;
        match (!image_data.is_empty(), !storage_id.is_empty(), !image_url.is_empty()) {
            (true, false, false) => Ok(Source::Inline),
            (false, true, false) => Ok(Source::Stored),
            (false, false, true) => Ok(Source::External),
            (false, false, false) => Err(invalid(
                "image_data",
                "no image: give image_data, the storage_id of an upload, or an image_url",
            )),
            _ => Err(invalid(
                "image_data",
                "give one of image_data, storage_id and image_url, not more",
            )),
        }
    }
}

async fn store_inline(app: &UserApp, request: &mut ImageConversionRequest) -> Result<ObjectKey> {
    // Taken out of the request: the queue gets a reference.
    let image = std::mem::take(&mut request.image_data);
    if image.len() as u64 > app.max_bytes {
        let problem = format!("{} bytes are too many: give at most {}", image.len(), app.max_bytes);
        return Err(invalid("image_data", problem));
    }
    let format = source::format("image_data", &image, "input_format", &request.input_format)?;
    let key = reserve(format.extension())?;
    app.store.put(&key, image).content_type(format.media_type()).await.map_err(store_error)?;
    Ok(key)
}

/// A caller whose answer was lost asks again, maybe after the conversion has ended and its source
/// is gone: the queue knows whether it had one of this name.
async fn uploaded(app: &UserApp, request: &mut ImageConversionRequest) -> Result<ObjectKey> {
    let key = object_key("storage_id", &request.storage_id)?;
    match app.store.stat(&key).await {
        Ok(_) => Ok(key),
        Err(error) if error.is_not_found() => {
            request.existing_only = true;
            Ok(key)
        }
        Err(error) => Err(store_error(error)),
    }
}

/// Nothing is stored yet: the key names the conversion and where its PDF will be. Which addresses
/// may be fetched is for image_svc to say, which fetches.
fn external(url: &str) -> Result<ObjectKey> {
    let web = url
        .parse::<Uri>()
        .ok()
        .filter(|url| matches!(url.scheme_str(), Some("http" | "https")) && url.host().is_some());
    if web.is_none() || url.len() > 4_096 {
        return Err(invalid("image_url", "give an http or https URL of at most 4,096 bytes"));
    }
    reserve("external")
}

fn reserve(extension: &str) -> Result<ObjectKey> {
    ObjectKey::timestamped(extension)
        .map_err(|error| Error::internal("no key could be made").with_source(error))
}
