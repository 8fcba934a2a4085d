use std::time::{Duration, SystemTime};

use mcsv_jobs::{Failure, JobCx, NewJob, Outcome, Workers};
use mcsv_protos::v1::{
    ImageConversionRequest, ImageConversionResponse, PrepareConversionRequest,
    PrepareConversionResponse,
};
use mcsv_rpc::Error;
use serde::Serialize;
use tokio::time::Instant;

use crate::kinds::{ConversionEnded, ConvertImage, NotifyUser};
use crate::neighbours::{Neighbours, after};

/// Has two links signed, has the image converted between them, and tells the mail and user_svc how
/// it ended, in the transaction that ends the job.
pub(crate) fn convert_image(workers: Workers, neighbours: &Neighbours) -> Workers {
    let neighbours = neighbours.clone();
    workers
        .handle(move |job: ConvertImage, cx: JobCx| convert(neighbours.clone(), job, cx))
        .on_discard(given_up)
}

async fn convert(neighbours: Neighbours, job: ConvertImage, cx: JobCx) -> Result<Outcome, Error> {
    match attempt(&neighbours, &job, &cx).await {
        Ok(result) => {
            let mail = job.mail(cx.id(), "conversion_complete", &result.variables(&cx));
            let ended = ConversionEnded {
                success: true,
                message: "converted".to_owned(),
                pdf_storage_id: result.pdf_storage_id.clone(),
                ..ended(&job, cx.id().get())
            };
            Ok(Outcome::done().with_result(result).then(NotifyUser::Conversion(ended)).then(mail))
        }
        Err(error) => after(error, &cx),
    }
}

/// What the job leaves behind: GetConversion reads it.
#[derive(Serialize)]
struct Converted {
    pdf_storage_id: String,
    input_size: i64,
    output_size: i64,
    width: i32,
    height: i32,
    path: String,
    queue_us: i64,
    prepare_us: i64,
    fetch_us: i64,
    convert_us: i64,
    store_us: i64,
}

async fn attempt(
    neighbours: &Neighbours,
    job: &ConvertImage,
    cx: &JobCx,
) -> Result<Converted, Error> {
    let queued = SystemTime::now().duration_since(cx.enqueued_at()).unwrap_or_default();
    let begun = Instant::now();
    let prepare = PrepareConversionRequest {
        job_id: cx.id().get(),
        storage_id: job.storage_id.clone(),
        image_url: job.image_url.clone(),
    };
    let links = neighbours.user_svc.prepare_conversion(prepare).await?;
    let prepared = begun.elapsed();
    let pdf_storage_id = links.pdf_storage_id.clone();
    let converted = neighbours.image_svc.convert_image(request(job, links)).await?;
    Ok(Converted::new(pdf_storage_id, queued, prepared, converted))
}

fn request(job: &ConvertImage, links: PrepareConversionResponse) -> ImageConversionRequest {
    ImageConversionRequest {
        user_id: job.user_id.clone(),
        user_email: job.user_email.clone(),
        image_url: links.image_url,
        input_format: job.input_format.clone(),
        pdf_quality: job.pdf_quality.clone(),
        strip_metadata: job.strip_metadata,
        max_width: job.max_width,
        max_height: job.max_height,
        storage_id: job.storage_id.clone(),
        pdf_upload_url: links.pdf_upload_url,
        file_name: job.file_name.clone(),
        ..ImageConversionRequest::default()
    }
}

impl Converted {
    fn new(
        pdf_storage_id: String,
        queued: Duration,
        prepared: Duration,
        converted: ImageConversionResponse,
    ) -> Self {
        let steps = converted.steps.unwrap_or_default();
        Converted {
            pdf_storage_id,
            input_size: converted.input_size,
            output_size: converted.output_size,
            width: converted.width,
            height: converted.height,
            path: converted.path,
            queue_us: micros(queued),
            prepare_us: micros(prepared),
            fetch_us: steps.fetch_us,
            convert_us: steps.convert_us,
            store_us: steps.store_us,
        }
    }

    fn variables(&self, cx: &JobCx) -> Vec<(&'static str, String)> {
        vec![
            ("input_size", self.input_size.to_string()),
            ("output_size", self.output_size.to_string()),
            ("width", self.width.to_string()),
            ("height", self.height.to_string()),
            ("job_id", cx.id().to_string()),
        ]
    }
}

/// A conversion that failed for good: the user hears why, by mail and by callback.
fn given_up(job: &ConvertImage, failure: &Failure) -> Vec<NewJob> {
    // Room for the variable's name in the 1,000 bytes of a variable.
    let reason = failure.error[..failure.error.floor_char_boundary(900)].to_owned();
    let variables = [("reason", reason.clone()), ("job_id", failure.id.to_string())];
    let ended = ConversionEnded { success: false, message: reason, ..ended(job, failure.id.get()) };
    vec![
        NewJob::new(NotifyUser::Conversion(ended)),
        NewJob::new(job.mail(failure.id, "conversion_failed", &variables)),
    ]
}

fn ended(job: &ConvertImage, job_id: i64) -> ConversionEnded {
    ConversionEnded {
        success: false,
        message: String::new(),
        job_id,
        storage_id: job.storage_id.clone(),
        pdf_storage_id: String::new(),
        user_id: job.user_id.clone(),
        user_email: job.user_email.clone(),
        file_name: job.file_name.clone(),
    }
}

fn micros(time: Duration) -> i64 {
    i64::try_from(time.as_micros()).unwrap_or(i64::MAX)
}
