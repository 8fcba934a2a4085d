use mcsv_jobs::{Filter, Job, JobId, State};
use mcsv_protos::v1::{ImageConversionRequest, UserResponse};
use mcsv_rpc::{Cx, Error, Result};

use super::{JobApp, acknowledged, jobs_error};
use crate::kinds::ConvertImage;

/// A conversion that succeeded is not made again: its source is gone, and who asks twice has lost
/// the first answer. Of the others, the one that is unfinished is found by its unique key.
pub(crate) async fn handle(
    app: &JobApp,
    cx: &Cx,
    request: ImageConversionRequest,
) -> Result<UserResponse> {
    let existing_only = request.existing_only;
    let job = ConvertImage::checked(request)?;
    let known = match existing_only {
        true => State::UNFINISHED.into_iter().chain([State::Completed]).collect(),
        false => vec![State::Completed],
    };
    let twins = Filter::new()
        .with_kind(ConvertImage::KIND)
        .with_states(known)
        .with_unique_keys(job.unique_key())
        .with_limit(1);
    if let Some(twin) = twin(app, twins.clone()).await? {
        return Ok(asked_before(cx, twin));
    }
    if existing_only {
        let problem = "storage_id: no such image in the store: upload it again";
        return Err(Error::not_found(problem).with_meta("argument", "storage_id"));
    }
    let enqueued = app.jobs.enqueue(job).await.map_err(jobs_error)?;
    // The twin may have ended between the look and the enqueue. What was enqueued for nothing is
    // called off; where that comes too late, its attempt finds no image.
    if enqueued.is_new()
        && let Some(twin) = twin(app, twins).await?
        && twin != enqueued.id()
        && app.jobs.cancel(enqueued.id()).await.is_ok()
    {
        return Ok(asked_before(cx, twin));
    }
    Ok(acknowledged(cx, "conversion", &enqueued))
}

async fn twin(app: &JobApp, twins: Filter) -> Result<Option<JobId>> {
    let found = app.jobs.list(twins).await.map_err(jobs_error)?;
    Ok(found.jobs.first().map(|job| job.id))
}

fn asked_before(cx: &Cx, twin: JobId) -> UserResponse {
    UserResponse {
        ok: true,
        message: "the conversion was asked for before".to_owned(),
        job_id: twin.get(),
        trace_id: cx.trace().trace_id().to_string(),
        ..UserResponse::default()
    }
}
