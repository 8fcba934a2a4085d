use std::time::Duration;

use mcsv_protos::rules::invalid;
use mcsv_protos::v1::{ListStaleObjectsRequest, ListStaleObjectsResponse};
use mcsv_rpc::Result;
use mcsv_storage::PageToken;

use super::{UserApp, store_error};

pub(crate) async fn handle(
    app: &UserApp,
    request: ListStaleObjectsRequest,
) -> Result<ListStaleObjectsResponse> {
    let age = u64::try_from(request.older_than_seconds).ok().filter(|age| *age > 0);
    let age = age.ok_or_else(|| invalid("older_than_seconds", "give at least 1"))?;
    if request.page_token.is_empty() {
        // Once per clean-up: what killed uploads left behind, which no listing shows.
        match app.store.sweep_partial(Duration::from_secs(age)).await {
            Ok(swept) => tracing::info!(swept, "partial uploads removed"),
            // A bucket may deny that alone, and the objects have to go all the same.
            Err(error) => tracing::warn!(%error, "partial uploads could not be removed"),
        }
    }
    let mut list = app.store.list().older_than(Duration::from_secs(age)).limit(1_000);
    if !request.page_token.is_empty() {
        list = list.page_token(token(&request.page_token)?);
    }
    let page = list.await.map_err(store_error)?;
    Ok(ListStaleObjectsResponse {
        storage_ids: page.objects.into_iter().map(|object| object.key.to_string()).collect(),
        next_page_token: page.next.map(|token| token.to_string()).unwrap_or_default(),
    })
}

fn token(text: &str) -> Result<PageToken> {
    text.parse().map_err(|error| invalid("page_token", error))
}
