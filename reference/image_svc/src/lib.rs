//! The image service: PNG and JPEG to PDF.
//!
//! It holds no secret. A request brings one link to pull the image from and one to push the PDF to;
//! who takes this service over can read one image and write one PDF.

mod app;
mod config;
mod converter;
mod fetch_error;
mod handlers;

pub use app::{named, router};
pub use config::Config;
