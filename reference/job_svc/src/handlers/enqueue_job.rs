use std::time::{Duration, UNIX_EPOCH};

use mcsv_jobs::{Enqueue, Enqueued, Job};
use mcsv_protos::rules::{self, invalid};
use mcsv_protos::v1::enqueue_job_request::Schedule;
use mcsv_protos::v1::{
    EmailRequest, EnqueueJobRequest, EnqueueJobResponse, ImageConversionRequest,
};
use mcsv_rpc::Result;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::{JobApp, jobs_error, unix_seconds};
use crate::kinds::{Callback, ConvertImage, Email, NotifyUser, StorageCleanup};

/// The general door: arguments come as texts and must make a job of the kind.
pub(crate) async fn handle(app: &JobApp, request: EnqueueJobRequest) -> Result<EnqueueJobResponse> {
    let enqueued = match request.worker.as_str() {
        Email::KIND => {
            let job: Email = parse(&request)?;
            checked_email(&job)?;
            enqueue(app, &request, job).await?
        }
        ConvertImage::KIND => {
            let job: ConvertImage = parse(&request)?;
            enqueue(app, &request, ConvertImage::checked(conversion(job))?).await?
        }
        NotifyUser::KIND => {
            let job: NotifyUser = parse(&request)?;
            enqueue(app, &request, job).await?
        }
        Callback::KIND => {
            let job: Callback = parse(&request)?;
            rules::event_id("event_id", &job.event_id)?;
            enqueue(app, &request, job).await?
        }
        StorageCleanup::KIND => {
            let job: StorageCleanup = parse(&request)?;
            enqueue(app, &request, job).await?
        }
        other => {
            let shown: String = other.chars().take(32).collect();
            let problem = format!(
                "unknown kind {shown:?}: give email, convert_image, notify_user, callback or \
                 storage_cleanup"
            );
            return Err(invalid("worker", problem));
        }
    };
    let job = app.jobs.get(enqueued.id()).await.map_err(jobs_error)?;
    Ok(EnqueueJobResponse {
        job_id: enqueued.id().get(),
        state: job.as_ref().map(|job| job.state.as_str().to_owned()).unwrap_or_default(),
        scheduled_at: job.map_or(0, |job| unix_seconds(job.scheduled_at)),
        success: true,
        error: String::new(),
    })
}

async fn enqueue<J: Job>(app: &JobApp, request: &EnqueueJobRequest, job: J) -> Result<Enqueued> {
    if !request.queue.is_empty() && request.queue != J::QUEUE {
        let problem = format!("jobs of this kind run in {}: give that or nothing", J::QUEUE);
        return Err(invalid("queue", problem));
    }
    scheduled(app.jobs.enqueue(job), request)?.await.map_err(jobs_error)
}

fn scheduled<'a>(mut enqueue: Enqueue<'a>, request: &EnqueueJobRequest) -> Result<Enqueue<'a>> {
    if !(-100..=100).contains(&request.priority) {
        return Err(invalid("priority", format!("{}: give -100 to 100", request.priority)));
    }
    enqueue = enqueue.priority(request.priority);
    match u32::try_from(request.max_attempts) {
        Ok(0) => {}
        Ok(attempts @ 1..=1_000) => enqueue = enqueue.max_attempts(attempts),
        _ => {
            let problem = format!("{}: give 1 to 1,000, or 0", request.max_attempts);
            return Err(invalid("max_attempts", problem));
        }
    }
    match request.schedule {
        None => Ok(enqueue),
        Some(Schedule::ScheduledAt(at)) => match u64::try_from(at) {
            Ok(at @ 0..=253_402_300_799) => Ok(enqueue.at(UNIX_EPOCH + Duration::from_secs(at))),
            _ => {
                Err(invalid("scheduled_at", format!("{at}: give Unix seconds up to the year 9999")))
            }
        },
        Some(Schedule::ScheduleIn(seconds)) => match u64::try_from(seconds) {
            Ok(seconds) => Ok(enqueue.after(Duration::from_secs(seconds))),
            Err(_) => Err(invalid("schedule_in", format!("{seconds}: give 0 or more seconds"))),
        },
    }
}

/// Texts become what the kind's fields want.
fn parse<J: DeserializeOwned>(request: &EnqueueJobRequest) -> Result<J> {
    let texts = request.args.iter().map(|(name, text)| (name.clone(), Value::from(text.as_str())));
    let mut args: Map<String, Value> = texts.collect();
    for name in NOT_TEXT {
        let Some(text) = request.args.get(name) else { continue };
        let value = serde_json::from_str(text)
            .map_err(|error| invalid("args", format!("{name} is no JSON value: {error}")))?;
        args.insert(name.to_owned(), value);
    }
    serde_json::from_value(Value::Object(args))
        .map_err(|error| invalid("args", format!("no arguments of {}: {error}", request.worker)))
}

/// The fields, over all kinds, that are no texts.
const NOT_TEXT: [&str; 8] = [
    "variables",
    "strip_metadata",
    "max_width",
    "max_height",
    "success",
    "timestamp",
    "job_id",
    "size",
];

fn checked_email(job: &Email) -> Result<()> {
    Email::checked(EmailRequest {
        user_id: job.user_id.clone(),
        user_name: job.user_name.clone(),
        user_email: job.user_email.clone(),
        email_type: job.email_type.clone(),
        variables: job.variables.clone(),
        email_id: job.email_id.clone(),
        request_id: job.request_id.clone(),
    })
    .map(drop)
}

fn conversion(job: ConvertImage) -> ImageConversionRequest {
    ImageConversionRequest {
        user_id: job.user_id,
        user_name: job.user_name,
        user_email: job.user_email,
        storage_id: job.storage_id,
        image_url: job.image_url,
        file_name: job.file_name,
        input_format: job.input_format,
        pdf_quality: job.pdf_quality,
        strip_metadata: job.strip_metadata,
        max_width: job.max_width,
        max_height: job.max_height,
        ..ImageConversionRequest::default()
    }
}
