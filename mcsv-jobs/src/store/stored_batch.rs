use crate::record::time;
use crate::{BatchId, BatchStatus, Error};

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
