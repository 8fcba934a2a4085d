use mcsv_core::Health;
use mcsv_protos::v1::{EmailService, EmailServiceServer, JobServiceClient};
use mcsv_rpc::{BoxError, OpenApi, Router};

use crate::Config;
use crate::handlers::EmailApp;
use crate::transport::Transport;

/// The service as one router.
///
/// # Errors
///
/// The outbox can't be made, or a URL can't be used.
pub async fn router(config: Config, health: Health) -> Result<Router, BoxError> {
    metrics::describe_counter!("emails_delivered_total", "Mails that left, by type.");
    let transport = Transport::open(config.mail).await?;
    let checked = transport.clone();
    health.add_check("mail", move || {
        let transport = checked.clone();
        async move { transport.check().await }
    });
    let mut job_svc = JobServiceClient::connect(&config.job_svc_url)?;
    if let Some(bearer) = config.token.authorization() {
        job_svc = job_svc.with_header("authorization", bearer);
    }
    let app = EmailApp { transport, job_svc, token: config.token, from: config.from.parse()? };

    Ok(Router::new()
        .add(named(app))
        .route("/metrics", mcsv_telemetry::metrics_service())
        .health(health)
        .openapi(OpenApi::new("email_svc", env!("CARGO_PKG_VERSION")))
        // 32 variables of 1,000 bytes and the names around them.
        .with_body_limit(64 << 10))
}

/// `service` under the names that callers know it by: the handlers here, or a client, which is
/// enough to describe them.
pub fn named<S: EmailService>(service: S) -> EmailServiceServer<S> {
    EmailServiceServer::new(service)
        .with_alias("email_svc")
        // The name that the original used.
        .with_method_alias("SendEmail", "DeliverEmail")
}
