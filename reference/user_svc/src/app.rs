use mcsv_core::Health;
use mcsv_protos::v1::{JobServiceClient, UserService, UserServiceServer};
use mcsv_rpc::{BoxError, OpenApi, Router};
use mcsv_storage::Store;

use crate::handlers::UserApp;
use crate::{Config, keys};

/// Where the store's signed links are served.
const LOADER: &str = "/user_svc/ImageLoader";

/// The service as one router.
///
/// # Errors
///
/// The store or its keys can't be opened, or a URL can't be used.
pub async fn router(config: Config, health: Health) -> Result<Router, BoxError> {
    let store = Store::from_url(&config.storage_url)?;
    let checked = store.clone();
    health.add_check("store", move || {
        let store = checked.clone();
        async move { store.check().await.map_err(|error| error.to_string()) }
    });
    let signer = store
        .signer(keys::open(config.keys).await?)
        .with_public_base(&format!("{}{LOADER}", config.public_url.trim_end_matches('/')))?
        .with_internal_base(&format!("{}{LOADER}", config.internal_url.trim_end_matches('/')))?;
    let mut job_svc = JobServiceClient::connect(&config.job_svc_url)?;
    if let Some(bearer) = config.token.authorization() {
        job_svc = job_svc.with_header("authorization", bearer);
    }
    let links = signer.service();
    let app = UserApp {
        store,
        signer,
        job_svc,
        token: config.token,
        max_bytes: config.max_bytes,
        link_ttl: config.link_ttl,
    };
    // An image travels in a message with a few names around it.
    let image_body = usize::try_from(config.max_bytes)?.saturating_add(64 << 10);

    Ok(Router::new()
        .add(
            named(app)
                .with_body_limit("ConvertImage", image_body)
                .with_body_limit("StoreImage", image_body),
        )
        .nest(&format!("{LOADER}/"), links)
        .route("/metrics", mcsv_telemetry::metrics_service())
        .health(health)
        .openapi(OpenApi::new("user_svc", env!("CARGO_PKG_VERSION")))
        .with_body_limit(256 << 10))
}

/// `service` under the names that callers know it by: the handlers here, or a client, which is
/// enough to describe them.
pub fn named<S: UserService>(service: S) -> UserServiceServer<S> {
    UserServiceServer::new(service).with_alias("user_svc")
}
