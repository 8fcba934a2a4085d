use mcsv_core::Health;
use mcsv_protos::v1::{ClientService, ClientServiceServer, UserServiceClient};
use mcsv_rpc::{BoxError, OpenApi, Router};

use crate::handlers::ClientApp;
use crate::web::{self, Web};
use crate::{Config, Inbox};

/// The service as one router. What arrives is found in `inbox`.
///
/// # Errors
///
/// A URL can't be used.
pub fn router(config: Config, inbox: Inbox, health: Health) -> Result<Router, BoxError> {
    let web = Web {
        user_svc: UserServiceClient::connect(&config.user_svc_url)?,
        inbox: inbox.clone(),
        max_bytes: usize::try_from(config.max_bytes)?,
    };
    let app = ClientApp { inbox, token: config.token };
    Ok(Router::new()
        .add(named(app))
        .route("/", web::file("text/html; charset=utf-8", include_str!("web/index.html")))
        .route("/app.js", web::file("text/javascript; charset=utf-8", include_str!("web/app.js")))
        .route("/app.css", web::file("text/css; charset=utf-8", include_str!("web/app.css")))
        .route("/icon.svg", web::file("image/svg+xml", include_str!("web/icon.svg")))
        .nest("/api/", web::api(web))
        .route("/metrics", mcsv_telemetry::metrics_service())
        .health(health)
        .openapi(OpenApi::new("client_svc", env!("CARGO_PKG_VERSION")))
        .with_body_limit(64 << 10))
}

/// `service` under the names that callers know it by: the handlers here, or a client, which is
/// enough to describe them.
pub fn named<S: ClientService>(service: S) -> ClientServiceServer<S> {
    ClientServiceServer::new(service).with_alias("client_svc")
}
