//! One file per method, each with the same parts: `handle`, then what it needs.

mod conversion_complete;
mod convert_image;
mod create_upload;
mod create_user;
mod delete_objects;
mod get_conversion;
mod list_stale_objects;
mod notify_email_sent;
mod prepare_conversion;
mod source;
mod store_image;

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use mcsv_protos::rules::invalid;
use mcsv_protos::v1::{
    CreateUploadRequest, CreateUploadResponse, DeleteObjectsRequest, DeleteObjectsResponse,
    EmailResponse, GetConversionRequest, GetConversionResponse, ImageConversionRequest,
    ImageConversionResponse, JobServiceClient, ListStaleObjectsRequest, ListStaleObjectsResponse,
    PrepareConversionRequest, PrepareConversionResponse, StoreImageRequest, StoreImageResponse,
    UserRequest, UserResponse, UserService,
};
use mcsv_rpc::{Code, Cx, Error, Result};
use mcsv_settings::ServiceToken;
use mcsv_storage::{ObjectKey, Signer, Store};

pub(crate) struct UserApp {
    pub(crate) store: Store,
    pub(crate) signer: Signer,
    pub(crate) job_svc: JobServiceClient,
    pub(crate) token: ServiceToken,
    pub(crate) max_bytes: u64,
    pub(crate) link_ttl: Duration,
}

impl UserService for UserApp {
    async fn create_user(&self, cx: &mut Cx, request: UserRequest) -> Result<UserResponse> {
        create_user::handle(self, cx, request).await
    }

    async fn convert_image(
        &self,
        cx: &mut Cx,
        request: ImageConversionRequest,
    ) -> Result<UserResponse> {
        convert_image::handle(self, cx, request).await
    }

    async fn create_upload(
        &self,
        _cx: &mut Cx,
        request: CreateUploadRequest,
    ) -> Result<CreateUploadResponse> {
        create_upload::handle(self, request)
    }

    async fn get_conversion(
        &self,
        _cx: &mut Cx,
        request: GetConversionRequest,
    ) -> Result<GetConversionResponse> {
        get_conversion::handle(self, request).await
    }

    async fn prepare_conversion(
        &self,
        cx: &mut Cx,
        request: PrepareConversionRequest,
    ) -> Result<PrepareConversionResponse> {
        self.token.check(cx.headers())?;
        prepare_conversion::handle(self, request).await
    }

    async fn store_image(
        &self,
        _cx: &mut Cx,
        request: StoreImageRequest,
    ) -> Result<StoreImageResponse> {
        store_image::handle(self, request).await
    }

    async fn conversion_complete(
        &self,
        cx: &mut Cx,
        request: ImageConversionResponse,
    ) -> Result<UserResponse> {
        self.token.check(cx.headers())?;
        conversion_complete::handle(self, cx, request).await
    }

    async fn notify_email_sent(&self, cx: &mut Cx, request: EmailResponse) -> Result<UserResponse> {
        self.token.check(cx.headers())?;
        notify_email_sent::handle(self, cx, request).await
    }

    async fn list_stale_objects(
        &self,
        cx: &mut Cx,
        request: ListStaleObjectsRequest,
    ) -> Result<ListStaleObjectsResponse> {
        self.token.check(cx.headers())?;
        list_stale_objects::handle(self, request).await
    }

    async fn delete_objects(
        &self,
        cx: &mut Cx,
        request: DeleteObjectsRequest,
    ) -> Result<DeleteObjectsResponse> {
        self.token.check(cx.headers())?;
        delete_objects::handle(self, request).await
    }
}

/// A `storage_id` of a request as the key that it is.
fn object_key(field: &str, id: &str) -> Result<ObjectKey> {
    ObjectKey::parse(id).map_err(|error| invalid(field, error))
}

/// A fault of the store: its cause stays here.
fn store_error(error: mcsv_storage::Error) -> Error {
    if error.is_not_found() {
        return Error::not_found("no such object in the store").with_source(error);
    }
    Error::unavailable("the object store can't be used now").with_source(error)
}

/// What job_svc finds wrong with a request is the caller's to mend; anything else that it says is
/// about our own house and stays here.
fn job_svc_error(error: Error) -> Error {
    match error.code() {
        Code::InvalidArgument | Code::NotFound | Code::DeadlineExceeded => error,
        _ => Error::unavailable("the queue can't be used now").with_source(error),
    }
}

fn signing_error(error: mcsv_storage::Error) -> Error {
    Error::internal("the link could not be signed").with_source(error)
}

fn unix_seconds(at: SystemTime) -> i64 {
    let since = at.duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
}

/// Length of an object in a message.
fn size(len: u64) -> i64 {
    i64::try_from(len).unwrap_or(i64::MAX)
}
