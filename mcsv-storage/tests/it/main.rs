//! What mcsv-storage promises, seen from outside.

#![allow(clippy::unwrap_used, reason = "a test says that it failed by a panic")]

mod addresses;
#[cfg(feature = "s3")]
mod bucket;
mod conformance;
#[cfg(feature = "s3")]
mod constraints;
mod faulty_upload;
#[cfg(target_os = "linux")]
mod fetch_namespace;
mod fetching;
mod folder;
mod forgery;
#[cfg(target_os = "linux")]
mod full_disk;
mod fuzzed;
mod hostile_text;
#[cfg(feature = "s3")]
mod incomplete;
mod kills;
mod mutation;
mod observed;
#[cfg(feature = "s3")]
mod outages;
mod processes;
mod random;
#[cfg(feature = "s3")]
mod roles;
mod secrecy;
#[cfg(feature = "s3")]
mod secrecy_bucket;
mod server;
mod signed_urls;
mod uploads;
