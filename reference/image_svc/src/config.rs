use mcsv_settings::{ServiceToken, Settings};

/// What the image service needs to know.
#[derive(Clone, Debug)]
pub struct Config {
    /// Origins that may be fetched though their addresses are private: the store's links.
    pub store_origins: Vec<String>,
    /// What internal calls carry.
    pub token: ServiceToken,
    /// The largest image, in bytes.
    pub max_bytes: u64,
    /// The largest image, in pixels.
    pub max_pixels: u64,
}

impl Config {
    /// Reads `USER_SVC_URL`, `PUBLIC_URL`, `SERVICE_TOKEN`, `IMAGE_MAX_BYTES`, `IMAGE_MAX_PIXELS`.
    pub fn read(settings: &mut Settings) -> Self {
        let internal = settings.url("USER_SVC_URL", "http://127.0.0.1:8081", &["http"]);
        let public = settings.url("PUBLIC_URL", &internal, &["http", "https"]);
        Config {
            store_origins: vec![internal, public],
            token: ServiceToken::read(settings),
            max_bytes: settings.number("IMAGE_MAX_BYTES", 64 << 20, 1..=4 << 30),
            max_pixels: settings.number("IMAGE_MAX_PIXELS", 200_000_000, 1..=4_000_000_000),
        }
    }
}
