use mcsv_protos::rules::invalid;
use mcsv_protos::v1::{DeleteObjectsRequest, DeleteObjectsResponse};
use mcsv_rpc::Result;

use super::{UserApp, object_key, store_error};

pub(crate) async fn handle(
    app: &UserApp,
    request: DeleteObjectsRequest,
) -> Result<DeleteObjectsResponse> {
    let ids = request.storage_ids;
    if ids.len() > 1_000 {
        return Err(invalid(
            "storage_ids",
            format!("{} are too many: give at most 1,000", ids.len()),
        ));
    }
    let mut deleted = 0;
    for id in &ids {
        let key = object_key("storage_ids", id)?;
        app.store.delete(&key).await.map_err(store_error)?;
        deleted += 1;
    }
    tracing::info!(deleted, "objects deleted");
    Ok(DeleteObjectsResponse { deleted })
}
