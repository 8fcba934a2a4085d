use std::sync::Arc;
use std::thread::available_parallelism;
use std::time::Duration;

use mcsv_core::Health;
use mcsv_protos::v1::{ImageService, ImageServiceServer};
use mcsv_rpc::{BoxError, OpenApi, Router};
use mcsv_storage::{FetchPolicy, Fetcher};
use tokio::sync::Semaphore;

use crate::Config;
use crate::handlers::ImageApp;

/// The service as one router.
///
/// # Errors
///
/// A URL can't be used.
pub fn router(config: Config, health: Health) -> Result<Router, BoxError> {
    metrics::describe_histogram!(
        "image_conversion_seconds",
        metrics::Unit::Seconds,
        "Time of a conversion, the rest of the fetch in it, by path."
    );
    let mut policy = FetchPolicy::new()
        .allow_public()
        .with_max_len(config.max_bytes)
        .with_timeout(Duration::from_secs(60));
    for origin in &config.store_origins {
        policy = policy.allow_origin(origin)?;
    }
    let cores = available_parallelism().map_or(2, usize::from);
    let app = ImageApp {
        fetcher: Fetcher::new(policy)?,
        // More at once than there are cores would only make each of them slower and hold more.
        slots: Arc::new(Semaphore::new(cores.max(2))),
        max_bytes: config.max_bytes,
        max_pixels: config.max_pixels,
        token: config.token,
    };
    Ok(Router::new()
        .add(named(app))
        .route("/metrics", mcsv_telemetry::metrics_service())
        .health(health)
        .openapi(OpenApi::new("image_svc", env!("CARGO_PKG_VERSION")))
        // References only; two links of 4 KiB and the names around them.
        .with_body_limit(64 << 10))
}

/// `service` under the names that callers know it by: the handlers here, or a client, which is
/// enough to describe them.
pub fn named<S: ImageService>(service: S) -> ImageServiceServer<S> {
    ImageServiceServer::new(service).with_alias("image_svc")
}
