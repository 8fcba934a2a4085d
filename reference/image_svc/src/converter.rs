use std::io;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use futures_util::TryStreamExt;
use mcsv_image_pdf::{Converter, ErrorKind, Limits, MaxSize, Options, Quality, Report, Strip};
use mcsv_protos::rules::{self, invalid};
use mcsv_protos::v1::ImageConversionRequest;
use mcsv_rpc::{Error, Result};
use mcsv_storage::Fetched;
use tokio::sync::OwnedSemaphorePermit;
use tokio_util::io::{StreamReader, SyncIoBridge};

use crate::fetch_error::fetch_error;

/// A PDF and how it was made.
pub(crate) struct Converted {
    pub(crate) pdf: Bytes,
    pub(crate) report: Report,
}

/// What the request asks for, within the service's limits.
pub(crate) fn options(
    request: &ImageConversionRequest,
    max_bytes: u64,
    max_pixels: u64,
) -> Result<Options> {
    let quality: Quality =
        request.pdf_quality.parse().map_err(|error| invalid("pdf_quality", error))?;
    let width = rules::max_side("max_width", request.max_width)?;
    let height = rules::max_side("max_height", request.max_height)?;
    rules::file_name("file_name", &request.file_name)?;
    let strip = if request.strip_metadata { Strip::All } else { Strip::Nothing };
    Ok(Options::new()
        .with_quality(quality)
        .with_max_size(MaxSize::new(width, height))
        .with_strip_metadata(strip)
        .with_limits(Limits::default().with_max_input_bytes(max_bytes).with_max_pixels(max_pixels)))
}

/// Converts while the image arrives. The work keeps its slot, also when nobody waits for it any
/// more: a thread can't be called off.
pub(crate) async fn convert(
    fetched: Fetched,
    options: Options,
    slot: OwnedSemaphorePermit,
) -> Result<Converted> {
    // A fetch that breaks off reaches the converter as an I/O error. The error itself waits here,
    // so that "the link broke" is told from "the image is broken".
    let broken: Arc<Mutex<Option<mcsv_storage::Error>>> = Arc::default();
    let noted = Arc::clone(&broken);
    let stream = fetched.into_stream().map_err(move |error| {
        *noted.lock().unwrap_or_else(PoisonError::into_inner) = Some(error);
        io::Error::other("the link broke off")
    });
    let reader = SyncIoBridge::new(StreamReader::new(Box::pin(stream)));
    let converted = tokio::task::spawn_blocking(move || {
        let _slot = slot;
        let mut pdf = Vec::new();
        let report = Converter::new(options).convert(reader, &mut pdf)?;
        Ok::<_, mcsv_image_pdf::Error>(Converted { pdf: pdf.into(), report })
    })
    .await;
    let error = match converted {
        Ok(Ok(converted)) => return Ok(converted),
        Ok(Err(error)) => error,
        Err(panicked) => {
            return Err(Error::internal("the conversion failed").with_source(panicked));
        }
    };
    if let Some(error) = broken.lock().unwrap_or_else(PoisonError::into_inner).take() {
        return Err(fetch_error("image_url", error));
    }
    match error.kind() {
        ErrorKind::Read | ErrorKind::Write => {
            Err(Error::unavailable("the conversion was cut off").with_source(error))
        }
        _ => Err(invalid("image", error)),
    }
}
