//! What the reference services read from their environment, and the token they know each other by.
//!
//! [`Settings`] reads each variable once, collects every fault instead of stopping at the first,
//! and prints what holds, secrets masked.
//!
//! ```
//! use mcsv_settings::Settings;
//!
//! let mut settings = Settings::from_pairs([("PORT", "8081")]);
//! let port = settings.number("PORT", 4000, 1..=65_535);
//! let host = settings.text("HOST", "127.0.0.1");
//! assert_eq!((host.as_str(), port), ("127.0.0.1", 8081));
//! settings.finish()?;
//! # Ok::<(), mcsv_settings::SettingsError>(())
//! ```

mod error;
mod service_token;
mod settings;

pub use error::SettingsError;
pub use service_token::ServiceToken;
pub use settings::Settings;
