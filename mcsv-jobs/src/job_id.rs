use std::fmt;
use std::num::NonZeroI64;
use std::str::FromStr;

use crate::Error;

/// The number of a job in its database: positive, unique, growing in the order of insertion.
///
/// ```
/// use mcsv_jobs::JobId;
///
/// let id: JobId = "42".parse()?;
/// assert_eq!(id.get(), 42);
/// assert!(JobId::new(0).is_err());
/// # Ok::<(), mcsv_jobs::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct JobId(NonZeroI64);

impl JobId {
    /// The id with this number.
    ///
    /// # Errors
    ///
    /// The number is not positive ([`ErrorKind::Invalid`](crate::ErrorKind::Invalid)).
    pub fn new(number: i64) -> Result<Self, Error> {
        match NonZeroI64::new(number) {
            Some(id) if number > 0 => Ok(JobId(id)),
            _ => Err(Error::invalid(format!("job id {number}: give a positive number"))),
        }
    }

    /// The number.
    #[must_use]
    pub fn get(self) -> i64 {
        self.0.get()
    }
}

impl fmt::Display for JobId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for JobId {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.parse() {
            Ok(number) => JobId::new(number),
            Err(_) => Err(Error::invalid("job id is no number: give a positive whole number")),
        }
    }
}

impl From<JobId> for i64 {
    fn from(id: JobId) -> i64 {
        id.get()
    }
}
