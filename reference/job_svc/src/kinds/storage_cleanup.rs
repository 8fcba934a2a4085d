use std::time::Duration;

use mcsv_jobs::{Job, Json, Policy};
use serde::{Deserialize, Serialize};

use super::backoff;

/// Removes stored objects that nobody needs any more, and prunes the job tables.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct StorageCleanup {}

impl Job for StorageCleanup {
    const KIND: &'static str = "storage_cleanup";
    const QUEUE: &'static str = "cleanup";
    type Codec = Json;

    fn policy() -> Policy {
        Policy::default()
            .with_max_attempts(3)
            .with_timeout(Duration::from_secs(600))
            .with_backoff(backoff(Duration::from_secs(10), Duration::from_secs(60), 2.0))
    }

    /// One at a time is enough, whoever asks.
    fn unique_key(&self) -> Option<String> {
        Some("cleanup".to_owned())
    }
}
