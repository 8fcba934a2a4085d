use std::fmt;
use std::str::FromStr;

use crate::{Error, JobId};

/// The number of a batch: random, so that it is known before the batch is enqueued, and its jobs and
/// its completion can carry it.
///
/// ```
/// use mcsv_jobs::BatchId;
///
/// let id = BatchId::random();
/// assert_eq!(id.to_string().parse::<BatchId>()?, id);
/// # Ok::<(), mcsv_jobs::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct BatchId(JobId);

impl BatchId {
    /// A new one, of 62 random bits.
    #[must_use]
    pub fn random() -> Self {
        // In the range, so the number is positive.
        BatchId(JobId::new(fastrand::i64(1..=i64::MAX / 2)).expect("a positive number"))
    }

    /// The id with this number.
    ///
    /// # Errors
    ///
    /// The number is not positive.
    pub fn new(number: i64) -> Result<Self, Error> {
        match JobId::new(number) {
            Ok(id) => Ok(BatchId(id)),
            Err(_) => Err(Error::invalid(format!("batch id {number}: give a positive number"))),
        }
    }

    /// The number.
    #[must_use]
    pub fn get(self) -> i64 {
        self.0.get()
    }
}

impl fmt::Display for BatchId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for BatchId {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.parse() {
            Ok(number) => BatchId::new(number),
            Err(_) => Err(Error::invalid("batch id is no number: give a positive whole number")),
        }
    }
}
