use std::path::PathBuf;
use std::time::Duration;

use mcsv_settings::{ServiceToken, Settings};

/// What the job service needs to know.
#[derive(Clone, Debug)]
pub struct Config {
    /// The job database.
    pub database_url: String,
    /// Where callbacks go.
    pub client_svc_url: String,
    /// Where links are signed and outcomes reported.
    pub user_svc_url: String,
    /// Where mail is delivered.
    pub email_svc_url: String,
    /// Where images are converted.
    pub image_svc_url: String,
    /// What internal calls carry.
    pub token: ServiceToken,
    /// Age at which a stored object is removed, if no unfinished job needs it.
    pub image_max_age: Duration,
    /// How long a finished job is kept: longer than the day for which a callback is tried, which
    /// needs the job that it is about.
    pub job_retention: Duration,
    /// How long the event log is kept.
    pub event_retention: Duration,
}

impl Config {
    /// Reads `DATABASE_URL`, the neighbours' URLs, `SERVICE_TOKEN`, `IMAGE_MAX_AGE`,
    /// `JOB_RETENTION`, `EVENT_RETENTION` and `DATA_DIR`.
    pub fn read(settings: &mut Settings) -> Self {
        let data = PathBuf::from(settings.text("DATA_DIR", "mcsv-data"));
        let data = std::path::absolute(&data).unwrap_or(data);
        let database = format!("sqlite://{}", data.join("jobs.db").display());
        let accepts = "sqlite:///folder/jobs.db or postgres://user:password@host/database";
        let given = settings.secret("DATABASE_URL", accepts, |text| {
            let schemes = ["sqlite:", "postgres://", "postgresql://"];
            schemes.iter().any(|scheme| text.starts_with(scheme)).then(|| text.to_owned())
        });
        let minute = Duration::from_secs(60);
        let day = Duration::from_secs(24 * 60 * 60);
        Config {
            database_url: given.unwrap_or(database),
            client_svc_url: settings.url("CLIENT_SVC_URL", "http://127.0.0.1:4000", &["http"]),
            user_svc_url: settings.url("USER_SVC_URL", "http://127.0.0.1:8081", &["http"]),
            email_svc_url: settings.url("EMAIL_SVC_URL", "http://127.0.0.1:8083", &["http"]),
            image_svc_url: settings.url("IMAGE_SVC_URL", "http://127.0.0.1:8084", &["http"]),
            token: ServiceToken::read(settings),
            image_max_age: settings.duration("IMAGE_MAX_AGE", 60 * minute, minute..=365 * day),
            job_retention: settings.duration("JOB_RETENTION", 7 * day, 2 * day..=3650 * day),
            event_retention: settings.duration("EVENT_RETENTION", 30 * day, minute..=3650 * day),
        }
    }
}
