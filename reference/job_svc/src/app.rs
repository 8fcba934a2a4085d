use std::thread::available_parallelism;

use mcsv_core::{Health, Shutdown};
use mcsv_jobs::{Jobs, Workers};
use mcsv_protos::v1::{JobService, JobServiceServer};
use mcsv_rpc::{BoxError, OpenApi, Router};

use crate::handlers::JobApp;
use crate::kinds::StorageCleanup;
use crate::neighbours::Neighbours;
use crate::{Config, workers};

/// The service: its router, and its workers, which the caller runs beside it.
pub struct JobSvc {
    router: Router,
    workers: Workers,
}

/// Opens the database and lays out the service.
///
/// # Errors
///
/// The database can't be opened, or a URL can't be used.
pub async fn open(config: Config, health: Health) -> Result<JobSvc, BoxError> {
    let jobs = Jobs::connect(&config.database_url).await?;
    let checked = jobs.clone();
    health.add_check("database", move || {
        let jobs = checked.clone();
        async move { jobs.ping().await.map_err(|error| error.to_string()) }
    });
    let neighbours = Neighbours::connect(&config)?;
    let images = available_parallelism().map_or(2, usize::from).max(2);
    let workers = Workers::new(jobs.clone())
        .queue("emails", 3)
        .queue("images", images)
        .queue("callbacks", 10)
        .queue("cleanup", 1);
    let workers = workers::email(workers, &neighbours);
    let workers = workers::convert_image(workers, &neighbours);
    let workers = workers::notify_user(workers, &neighbours);
    let workers = workers::callback(workers, &neighbours);
    let workers = workers::storage_cleanup(workers, &neighbours, &jobs, &config);
    let workers = workers.cron("*/15 * * * *", |_tick| StorageCleanup {})?;

    let router = Router::new()
        .add(named(JobApp { jobs, token: config.token }))
        .route("/metrics", mcsv_telemetry::metrics_service())
        .health(health)
        .openapi(OpenApi::new("job_svc", env!("CARGO_PKG_VERSION")))
        // References and arguments: a job's are at most 256 KiB.
        .with_body_limit(512 << 10);
    Ok(JobSvc { router, workers })
}

impl JobSvc {
    /// The service as one router. It answers whether or not the workers run.
    #[must_use]
    pub fn router(&self) -> Router {
        self.router.clone()
    }

    /// Works until `shutdown`, then lets running jobs end.
    ///
    /// # Errors
    ///
    /// A worker ended without being told to.
    pub async fn work(self, shutdown: Shutdown) -> Result<(), BoxError> {
        Ok(self.workers.run(shutdown).await?)
    }
}

/// `service` under the names that callers know it by: the handlers here, or a client, which is
/// enough to describe them.
pub fn named<S: JobService>(service: S) -> JobServiceServer<S> {
    JobServiceServer::new(service)
        .with_alias("job_svc")
        // The names that the original used.
        .with_method_alias("EnqueueEmail", "SendEmail")
        .with_method_alias("NotifyEmailDelivery", "EmailNotification")
}
