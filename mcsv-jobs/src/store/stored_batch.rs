use super::{Inserted, Row};
use crate::record::time;
use crate::{BatchId, BatchStatus, Error};

/// Batches that have ended without anybody having noticed, in the words of both databases.
pub(super) const OVERDUE_BATCHES: &str = "SELECT id FROM mcsv_job_batches AS batch
     WHERE finished_at IS NULL AND NOT EXISTS (
        SELECT 1 FROM mcsv_jobs WHERE batch_id = batch.id
            AND state IN ('available', 'scheduled', 'executing', 'retryable'))
     LIMIT 100";

/// The completion of a batch that has ended, as it was enqueued.
#[derive(Clone)]
pub(crate) struct Completion {
    pub(crate) row: Row,
    pub(crate) inserted: Inserted,
}

/// A batch as the database has it.
pub(crate) struct StoredBatch {
    pub(super) inserted_at: i64,
    pub(super) finished_at: Option<i64>,
    /// States and numbers.
    pub(super) counts: Vec<(String, i64)>,
}

impl StoredBatch {
    pub(super) fn status(self, id: BatchId) -> Result<BatchStatus, Error> {
        let counts = self
            .counts
            .into_iter()
            .map(|(state, count)| Ok((state.parse()?, u64::try_from(count).unwrap_or(0))));
        Ok(BatchStatus {
            id,
            inserted_at: time(self.inserted_at),
            finished_at: self.finished_at.map(time),
            counts: counts.collect::<Result<_, Error>>()?,
        })
    }
}
