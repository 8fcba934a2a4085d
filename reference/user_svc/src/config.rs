use std::path::{Path, PathBuf};
use std::time::Duration;

use mcsv_settings::{ServiceToken, Settings};
use mcsv_storage::{SigningKeys, Store};

/// What the user service needs to know.
#[derive(Clone, Debug)]
pub struct Config {
    /// The queue.
    pub job_svc_url: String,
    /// Where the other services reach this one.
    pub internal_url: String,
    /// Where users reach this one: what links for them begin with.
    pub public_url: String,
    /// The object store: `fs:`, `memory:` or `s3:`.
    pub storage_url: String,
    /// Where the keys come from that sign links.
    pub keys: Keys,
    /// What internal calls carry.
    pub token: ServiceToken,
    /// The largest image, in bytes.
    pub max_bytes: u64,
    /// How long a link for a user is good.
    pub link_ttl: Duration,
}

/// Where the signing keys come from.
#[derive(Clone, Debug)]
pub enum Keys {
    /// Given by `SIGNING_KEYS`.
    Given(SigningKeys),
    /// Made at the first start and kept in this file, so that a restart breaks no link.
    File(PathBuf),
}

impl Config {
    /// Reads `JOB_SVC_URL`, `USER_SVC_URL`, `PUBLIC_URL`, `STORAGE_URL`, `SIGNING_KEYS`,
    /// `SERVICE_TOKEN`, `IMAGE_MAX_BYTES`, `LINK_TTL`, `IMAGE_MAX_AGE` and `DATA_DIR`.
    pub fn read(settings: &mut Settings) -> Self {
        let data = PathBuf::from(settings.text("DATA_DIR", "mcsv-data"));
        let internal_url = settings.url("USER_SVC_URL", "http://127.0.0.1:8081", &["http"]);
        let accepts = "kid:base64 of at least 32 bytes, comma-separated; the first one signs";
        let keys = settings.secret("SIGNING_KEYS", accepts, |text| SigningKeys::parse(text).ok());
        let accepts = "fs:///folder, memory:, or s3://bucket?endpoint=...&region=...";
        let storage_url = settings.secret("STORAGE_URL", accepts, |text| {
            Store::from_url(text).is_ok().then(|| text.to_owned())
        });
        let hour = Duration::from_secs(3600);
        let link_ttl = settings.duration("LINK_TTL", hour, Duration::from_secs(60)..=24 * hour);
        let image_max_age =
            settings.duration("IMAGE_MAX_AGE", hour, Duration::from_secs(60)..=365 * 24 * hour);
        if link_ttl > image_max_age {
            settings.fault(
                "LINK_TTL",
                "longer than IMAGE_MAX_AGE, so that links would outlive objects",
            );
        }
        Config {
            job_svc_url: settings.url("JOB_SVC_URL", "http://127.0.0.1:8082", &["http"]),
            public_url: settings.url("PUBLIC_URL", &internal_url, &["http", "https"]),
            internal_url,
            storage_url: storage_url.unwrap_or_else(|| folder_url(&data)),
            keys: keys.map_or_else(|| Keys::File(data.join("signing-keys")), Keys::Given),
            token: ServiceToken::read(settings),
            max_bytes: settings.number("IMAGE_MAX_BYTES", 64 << 20, 1..=4 << 30),
            link_ttl,
        }
    }
}

fn folder_url(data: &Path) -> String {
    let folder = std::path::absolute(data).unwrap_or_else(|_| data.to_owned()).join("objects");
    format!("fs://{}", folder.display())
}
