//! One file per method.

mod cancel_job;
mod convert_image;
mod email_notification;
mod enqueue_job;
mod get_job_status;
mod get_queue_stats;
mod list_job_events;
mod list_jobs;
mod replay_jobs;
mod retry_job;
mod send_email;
mod status;

use std::time::{SystemTime, UNIX_EPOCH};

use mcsv_jobs::{Enqueued, JobId, Jobs};
use mcsv_protos::rules::invalid;
use mcsv_protos::v1::{
    CancelJobRequest, CancelJobResponse, EmailRequest, EmailResponse, EnqueueJobRequest,
    EnqueueJobResponse, GetJobStatusRequest, GetQueueStatsRequest, GetQueueStatsResponse,
    ImageConversionRequest, JobService, JobStatusResponse, ListJobEventsRequest,
    ListJobEventsResponse, ListJobsRequest, ListJobsResponse, ReplayJobsRequest,
    ReplayJobsResponse, RetryJobRequest, RetryJobResponse, UserResponse,
};
use mcsv_rpc::{Cx, Error, Result};
use mcsv_settings::ServiceToken;

pub(crate) struct JobApp {
    pub(crate) jobs: Jobs,
    pub(crate) token: ServiceToken,
}

impl JobService for JobApp {
    async fn send_email(&self, cx: &mut Cx, request: EmailRequest) -> Result<UserResponse> {
        self.token.check(cx.headers())?;
        send_email::handle(self, cx, request).await
    }

    async fn convert_image(
        &self,
        cx: &mut Cx,
        request: ImageConversionRequest,
    ) -> Result<UserResponse> {
        self.token.check(cx.headers())?;
        convert_image::handle(self, cx, request).await
    }

    async fn email_notification(
        &self,
        cx: &mut Cx,
        request: EmailResponse,
    ) -> Result<UserResponse> {
        self.token.check(cx.headers())?;
        email_notification::handle(self, cx, request).await
    }

    async fn enqueue_job(
        &self,
        cx: &mut Cx,
        request: EnqueueJobRequest,
    ) -> Result<EnqueueJobResponse> {
        self.token.check(cx.headers())?;
        enqueue_job::handle(self, request).await
    }

    async fn get_job_status(
        &self,
        cx: &mut Cx,
        request: GetJobStatusRequest,
    ) -> Result<JobStatusResponse> {
        self.token.check(cx.headers())?;
        get_job_status::handle(self, request).await
    }

    async fn list_jobs(&self, cx: &mut Cx, request: ListJobsRequest) -> Result<ListJobsResponse> {
        self.token.check(cx.headers())?;
        list_jobs::handle(self, request).await
    }

    async fn cancel_job(
        &self,
        cx: &mut Cx,
        request: CancelJobRequest,
    ) -> Result<CancelJobResponse> {
        self.token.check(cx.headers())?;
        cancel_job::handle(self, request).await
    }

    async fn retry_job(&self, cx: &mut Cx, request: RetryJobRequest) -> Result<RetryJobResponse> {
        self.token.check(cx.headers())?;
        retry_job::handle(self, request).await
    }

    async fn get_queue_stats(
        &self,
        cx: &mut Cx,
        request: GetQueueStatsRequest,
    ) -> Result<GetQueueStatsResponse> {
        self.token.check(cx.headers())?;
        get_queue_stats::handle(self, request).await
    }

    async fn list_job_events(
        &self,
        cx: &mut Cx,
        request: ListJobEventsRequest,
    ) -> Result<ListJobEventsResponse> {
        self.token.check(cx.headers())?;
        list_job_events::handle(self, request).await
    }

    async fn replay_jobs(
        &self,
        cx: &mut Cx,
        request: ReplayJobsRequest,
    ) -> Result<ReplayJobsResponse> {
        self.token.check(cx.headers())?;
        replay_jobs::handle(self, request).await
    }
}

/// The acknowledgement of an enqueued job: it is on disk.
fn acknowledged(cx: &Cx, what: &str, enqueued: &Enqueued) -> UserResponse {
    let message = match enqueued.is_new() {
        true => format!("the {what} is enqueued"),
        false => format!("the {what} had been enqueued"),
    };
    UserResponse {
        ok: true,
        message,
        job_id: enqueued.id().get(),
        storage_id: String::new(),
        trace_id: cx.trace().trace_id().to_string(),
    }
}

fn job_id(id: i64) -> Result<JobId> {
    JobId::new(id).map_err(|error| invalid("job_id", error))
}

fn not_found(id: JobId) -> Error {
    Error::not_found(format!("job_id: no job {id}; finished jobs are pruned after a while"))
}

/// A fault of the engine: what the caller did wrong is said, what the database did stays here.
fn jobs_error(error: mcsv_jobs::Error) -> Error {
    if error.is_invalid() {
        return Error::invalid_argument(error.to_string()).with_source(error);
    }
    Error::unavailable("the job database can't be used now").with_source(error)
}

fn unix_seconds(at: SystemTime) -> i64 {
    let since = at.duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
}
