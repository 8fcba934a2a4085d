use mcsv_jobs::{Filter, State};
use mcsv_protos::rules::invalid;
use mcsv_protos::v1::{ListJobsRequest, ListJobsResponse};
use mcsv_rpc::Result;

use super::{JobApp, jobs_error, status};

pub(crate) async fn handle(app: &JobApp, request: ListJobsRequest) -> Result<ListJobsResponse> {
    let mut filter = Filter::new().with_limit(limit(request.limit)?);
    if !request.queue.is_empty() {
        filter = filter.with_queue(request.queue);
    }
    if !request.state.is_empty() {
        filter = filter.with_state(state("state", &request.state)?);
    }
    if !request.worker.is_empty() {
        filter = filter.with_kind(request.worker);
    }
    if !request.error_contains.is_empty() {
        filter = filter.with_error_containing(request.error_contains);
    }
    if !request.page_token.is_empty() {
        let token = request.page_token.parse();
        filter = filter.with_page(token.map_err(|error| invalid("page_token", error))?);
    }
    let page = app.jobs.list(filter).await.map_err(jobs_error)?;
    Ok(ListJobsResponse {
        jobs: page.jobs.iter().map(status::of).collect(),
        next_page_token: page.next.map(|token| token.to_string()).unwrap_or_default(),
    })
}

fn limit(limit: i32) -> Result<u32> {
    match u32::try_from(limit) {
        Ok(0) => Ok(100),
        Ok(limit @ 1..=1_000) => Ok(limit),
        _ => Err(invalid("limit", format!("{limit}: give 1 to 1,000, or 0 for 100"))),
    }
}

pub(super) fn state(field: &str, name: &str) -> Result<State> {
    name.parse().map_err(|error| invalid(field, error))
}
