use std::path::{Path, PathBuf};

use http::Uri;
use mcsv_core::Secret;
use mcsv_settings::{ServiceToken, Settings};

/// What the email service needs to know.
#[derive(Clone, Debug)]
pub struct Config {
    /// Where delivery reports go.
    pub job_svc_url: String,
    /// What internal calls carry.
    pub token: ServiceToken,
    /// How mail leaves.
    pub mail: MailConfig,
    /// The sender of every mail.
    pub from: String,
}

/// How mail leaves.
#[derive(Clone, Debug)]
pub enum MailConfig {
    /// One `.eml` file per mail in this folder.
    Outbox(PathBuf),
    /// By SMTP, with a record of each delivery in a folder.
    Smtp {
        /// `smtp://` or `smtps://`, with credentials where the server wants them.
        url: Secret<String>,
        /// The folder of the records.
        records: PathBuf,
    },
}

impl Config {
    /// Reads `JOB_SVC_URL`, `SERVICE_TOKEN`, `SMTP_URL`, `MAIL_FROM` and `DATA_DIR`.
    pub fn read(settings: &mut Settings) -> Self {
        let data = PathBuf::from(settings.text("DATA_DIR", "mcsv-data"));
        let smtp =
            settings.secret("SMTP_URL", "smtp://host:port or smtps://user:password@host", |text| {
                let url: Uri = text.parse().ok()?;
                matches!(url.scheme_str(), Some("smtp" | "smtps")).then(|| text.to_owned())
            });
        let from = settings.parsed("MAIL_FROM", "a mail address", |text| {
            mcsv_protos::rules::email_address("MAIL_FROM", text).ok()?;
            Some(text.to_owned())
        });
        Config {
            job_svc_url: settings.url("JOB_SVC_URL", "http://127.0.0.1:8082", &["http"]),
            token: ServiceToken::read(settings),
            mail: smtp.map_or_else(
                || MailConfig::outbox_under(&data),
                |url| MailConfig::Smtp { url: Secret::new(url), records: data.join("delivered") },
            ),
            from: from.unwrap_or_else(|| "noreply@mcsv.localhost".to_owned()),
        }
    }
}

impl MailConfig {
    /// The outbox in a data folder.
    #[must_use]
    pub fn outbox_under(data: &Path) -> Self {
        MailConfig::Outbox(data.join("outbox"))
    }
}
