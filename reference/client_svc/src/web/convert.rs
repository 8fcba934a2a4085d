use http::{Request, header};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use mcsv_core::TraceId;
use mcsv_protos::v1::ImageConversionRequest;
use mcsv_rpc::{Body, Error, Result};
use serde_json::{Value, json};
use tokio::time::{Duration, timeout};

use super::{Web, bad, parameter};

/// Time for a browser to send its image.
const UPLOAD: Duration = Duration::from_secs(15 * 60);

/// The body is the image; the options are in the query.
pub(super) async fn handle(web: Web, request: Request<Body>) -> Result<Value> {
    let media_type = request.headers().get(header::CONTENT_TYPE);
    let media_type = media_type.and_then(|value| value.to_str().ok()).unwrap_or_default();
    // Another site's form can't send this type, so that it can't use this window unasked.
    if !media_type.starts_with("image/") && media_type != "application/octet-stream" {
        return Err(bad("content-type", "send the image as image/png or image/jpeg"));
    }
    let query = request.uri().query().unwrap_or_default().to_owned();
    let read = Limited::new(request.into_body(), web.max_bytes).collect();
    let image = match timeout(UPLOAD, read).await {
        Ok(Ok(body)) => body.to_bytes(),
        Ok(Err(error)) if error.is::<LengthLimitError>() => {
            return Err(bad("image", format!("give at most {} bytes", web.max_bytes)));
        }
        Ok(Err(_)) => return Err(bad("image", "the upload broke off")),
        Err(_) => return Err(Error::deadline_exceeded("the upload took longer than 15 minutes")),
    };
    let side = |name: &str| match parameter(&query, name).as_str() {
        "" => Ok(0),
        text => text.parse().map_err(|_| bad(name, "give a whole number of pixels")),
    };
    let answer = web
        .user_svc
        .convert_image(ImageConversionRequest {
            user_id: format!("web-{}", TraceId::random()),
            user_email: parameter(&query, "email"),
            user_name: parameter(&query, "user_name"),
            file_name: parameter(&query, "name"),
            pdf_quality: parameter(&query, "quality"),
            strip_metadata: parameter(&query, "strip_metadata") == "true",
            max_width: side("max_width")?,
            max_height: side("max_height")?,
            image_data: image,
            ..ImageConversionRequest::default()
        })
        .timeout(Duration::from_secs(60))
        .await?;
    Ok(json!({
        "job_id": answer.job_id.to_string(),
        "storage_id": answer.storage_id,
        "trace_id": answer.trace_id,
    }))
}
