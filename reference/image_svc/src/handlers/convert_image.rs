use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use mcsv_protos::rules::invalid;
use mcsv_protos::v1::{ConversionSteps, ImageConversionRequest, ImageConversionResponse};
use mcsv_rpc::{Error, Result};
use tokio::time::Instant;

use super::ImageApp;
use crate::converter::{self, Converted};
use crate::fetch_error::fetch_error;

/// The largest PDF that an answer carries.
const INLINE_LIMIT: usize = 16 << 20;

pub(crate) async fn handle(
    app: &ImageApp,
    request: ImageConversionRequest,
) -> Result<ImageConversionResponse> {
    let options = converter::options(&request, app.max_bytes, app.max_pixels)?;
    if !request.image_data.is_empty() {
        return Err(invalid("image_data", "only references are taken here: give image_url"));
    }
    if request.image_url.is_empty() {
        return Err(invalid("image_url", "give the link to the image"));
    }
    let slot = Arc::clone(&app.slots).acquire_owned().await;
    let slot = slot.map_err(|_| Error::unavailable("shutting down"))?;

    let begun = Instant::now();
    let fetched = app
        .fetcher
        .get(&request.image_url)
        .await
        .map_err(|error| fetch_error("image_url", error))?;
    let fetch = begun.elapsed();
    let Converted { pdf, report } = converter::convert(fetched, options, slot).await?;
    let convert = begun.elapsed() - fetch;

    let pdf_data = if request.pdf_upload_url.is_empty() {
        inline(pdf)?
    } else {
        push(app, &request.pdf_upload_url, pdf).await?;
        Bytes::new()
    };
    let steps = ConversionSteps {
        fetch_us: micros(fetch),
        convert_us: micros(convert),
        store_us: micros(begun.elapsed() - fetch - convert),
        ..ConversionSteps::default()
    };
    tracing::info!(
        path = report.path().as_str(),
        width = report.width(),
        height = report.height(),
        input_bytes = report.input_bytes(),
        output_bytes = report.output_bytes(),
        fetch_us = steps.fetch_us,
        convert_us = steps.convert_us,
        store_us = steps.store_us,
        "image converted"
    );
    metrics::histogram!("image_conversion_seconds", "path" => report.path().as_str())
        .record(convert.as_secs_f64());
    Ok(ImageConversionResponse {
        success: true,
        message: "converted".to_owned(),
        pdf_data,
        input_size: i64::try_from(report.input_bytes()).unwrap_or(i64::MAX),
        output_size: i64::try_from(report.output_bytes()).unwrap_or(i64::MAX),
        width: i32::try_from(report.width()).unwrap_or(i32::MAX),
        height: i32::try_from(report.height()).unwrap_or(i32::MAX),
        storage_id: String::new(),
        original_storage_id: request.storage_id,
        user_email: request.user_email,
        user_id: request.user_id,
        file_name: request.file_name,
        path: report.path().as_str().to_owned(),
        steps: Some(steps),
        ..ImageConversionResponse::default()
    })
}

fn inline(pdf: Bytes) -> Result<Bytes> {
    if pdf.len() > INLINE_LIMIT {
        let problem = format!(
            "the PDF has {} bytes and an answer carries at most {INLINE_LIMIT}: give a link to push it to",
            pdf.len()
        );
        return Err(invalid("pdf_upload_url", problem));
    }
    Ok(pdf)
}

async fn push(app: &ImageApp, url: &str, pdf: Bytes) -> Result<()> {
    let put = app.fetcher.put(url, pdf).header("content-type", "application/pdf");
    put.await.map_err(|error| fetch_error("pdf_upload_url", error))
}

fn micros(time: Duration) -> i64 {
    i64::try_from(time.as_micros()).unwrap_or(i64::MAX)
}
