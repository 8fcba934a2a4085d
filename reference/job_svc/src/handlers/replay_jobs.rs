use std::time::{Duration, SystemTime, UNIX_EPOCH};

use mcsv_jobs::{Filter, State};
use mcsv_protos::rules::invalid;
use mcsv_protos::v1::{ReplayJobsRequest, ReplayJobsResponse};
use mcsv_rpc::Result;

use super::{JobApp, jobs_error, list_jobs};

pub(crate) async fn handle(app: &JobApp, request: ReplayJobsRequest) -> Result<ReplayJobsResponse> {
    let state = match request.state.as_str() {
        "" => State::Discarded,
        name => list_jobs::state("state", name)?,
    };
    if !state.is_finished() {
        return Err(invalid(
            "state",
            "only ended jobs run again: give discarded, cancelled or completed",
        ));
    }
    let mut filter = Filter::new().with_state(state);
    if !request.worker.is_empty() {
        filter = filter.with_kind(request.worker);
    }
    if !request.error_contains.is_empty() {
        filter = filter.with_error_containing(request.error_contains);
    }
    if let Some(from) = instant("ended_from", request.ended_from)? {
        filter = filter.with_finished_from(from);
    }
    if let Some(until) = instant("ended_until", request.ended_until)? {
        filter = filter.with_finished_until(until);
    }
    let replayed = app.jobs.replay(filter).await.map_err(jobs_error)?;
    Ok(ReplayJobsResponse { replayed: i64::try_from(replayed).unwrap_or(i64::MAX) })
}

fn instant(field: &str, unix_seconds: i64) -> Result<Option<SystemTime>> {
    match u64::try_from(unix_seconds) {
        Ok(0) => Ok(None),
        Ok(seconds @ 1..=253_402_300_799) => Ok(Some(UNIX_EPOCH + Duration::from_secs(seconds))),
        _ => Err(invalid(
            field,
            format!("{unix_seconds}: give Unix seconds up to the year 9999, or 0"),
        )),
    }
}
