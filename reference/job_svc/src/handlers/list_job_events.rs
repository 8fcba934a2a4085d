use std::time::UNIX_EPOCH;

use mcsv_jobs::Event;
use mcsv_protos::v1::list_job_events_response;
use mcsv_protos::v1::{ListJobEventsRequest, ListJobEventsResponse};
use mcsv_rpc::Result;

use super::{JobApp, job_id, jobs_error};

pub(crate) async fn handle(
    app: &JobApp,
    request: ListJobEventsRequest,
) -> Result<ListJobEventsResponse> {
    let events = app.jobs.events(job_id(request.job_id)?).await.map_err(jobs_error)?;
    Ok(ListJobEventsResponse { events: events.iter().map(shown).collect() })
}

fn shown(event: &Event) -> list_job_events_response::Event {
    let at = event.at.duration_since(UNIX_EPOCH).unwrap_or_default();
    list_job_events_response::Event {
        sequence: event.sequence,
        at_ms: i64::try_from(at.as_millis()).unwrap_or(i64::MAX),
        transition: event.transition.as_str().to_owned(),
        attempt: i32::try_from(event.attempt).unwrap_or(i32::MAX),
        worker: event.worker.clone(),
        detail: event.detail.clone(),
    }
}
