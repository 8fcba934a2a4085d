//! One file per method.

mod convert_image;

use std::sync::Arc;

use mcsv_protos::v1::{ImageConversionRequest, ImageConversionResponse, ImageService};
use mcsv_rpc::{Cx, Result};
use mcsv_settings::ServiceToken;
use mcsv_storage::Fetcher;
use tokio::sync::Semaphore;

pub(crate) struct ImageApp {
    pub(crate) fetcher: Fetcher,
    pub(crate) slots: Arc<Semaphore>,
    pub(crate) max_bytes: u64,
    pub(crate) max_pixels: u64,
    pub(crate) token: ServiceToken,
}

impl ImageService for ImageApp {
    async fn convert_image(
        &self,
        cx: &mut Cx,
        request: ImageConversionRequest,
    ) -> Result<ImageConversionResponse> {
        self.token.check(cx.headers())?;
        convert_image::handle(self, request).await
    }
}
