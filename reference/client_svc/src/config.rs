use mcsv_settings::{ServiceToken, Settings};

/// What the client service needs to know.
#[derive(Clone, Debug)]
pub struct Config {
    /// The entry point of the system.
    pub user_svc_url: String,
    /// What internal calls carry.
    pub token: ServiceToken,
    /// The largest image that the page takes, in bytes.
    pub max_bytes: u64,
}

impl Config {
    /// Reads `USER_SVC_URL`, `SERVICE_TOKEN` and `IMAGE_MAX_BYTES`.
    pub fn read(settings: &mut Settings) -> Self {
        Config {
            user_svc_url: settings.url("USER_SVC_URL", "http://127.0.0.1:8081", &["http"]),
            token: ServiceToken::read(settings),
            max_bytes: settings.number("IMAGE_MAX_BYTES", 64 << 20, 1..=4 << 30),
        }
    }
}
