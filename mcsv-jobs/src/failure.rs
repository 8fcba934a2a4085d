use std::error::Error as StdError;
use std::fmt;

use crate::{BoxError, JobId};

/// The most bytes of an error that are stored.
const MAX_ERROR: usize = 2 * 1024;

/// Why a job became a dead letter, for the one who decides what follows.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Failure {
    /// The job.
    pub id: JobId,
    /// The last attempt, from 1.
    pub attempt: u32,
    /// The attempts that it had.
    pub max_attempts: u32,
    /// The last error and its causes, at most 2 KiB.
    pub error: String,
}

/// An error that no further attempt can mend: the job becomes a dead letter at once.
///
/// ```
/// use mcsv_jobs::{BoxError, Permanent};
///
/// fn check(address: &str) -> Result<(), BoxError> {
///     if !address.contains('@') {
///         return Err(Permanent::new("that is no address").into());
///     }
///     Ok(())
/// }
/// assert!(check("nobody").is_err());
/// ```
#[derive(Debug)]
pub struct Permanent(BoxError);

impl Permanent {
    /// Marks `error` as permanent.
    pub fn new(error: impl Into<BoxError>) -> Self {
        Permanent(error.into())
    }

    pub(crate) fn is_in(error: &BoxError) -> bool {
        let mut next: Option<&(dyn StdError + 'static)> = Some(error.as_ref());
        while let Some(error) = next {
            if error.is::<Permanent>() {
                return true;
            }
            next = error.source();
        }
        false
    }
}

impl fmt::Display for Permanent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl StdError for Permanent {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.0.source()
    }
}

/// The error and its causes in one line, bounded.
pub(crate) fn chain(error: &BoxError) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    // The bound holds for a chain that never ends, too.
    while let Some(cause) = next.filter(|_| text.len() < MAX_ERROR) {
        let cause_text = cause.to_string();
        // Many errors print their source already.
        if !text.ends_with(&cause_text) {
            text.push_str(": ");
            text.push_str(&cause_text);
        }
        next = cause.source();
        if next.is_some_and(|next| std::ptr::addr_eq(next, cause)) {
            break;
        }
    }
    bounded(text)
}

/// At most [`MAX_ERROR`] bytes, cut between two characters.
pub(crate) fn bounded(mut text: String) -> String {
    if text.len() > MAX_ERROR {
        text.truncate(text.floor_char_boundary(MAX_ERROR));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_error_is_cut_between_characters() {
        let text = bounded("ä".repeat(MAX_ERROR));

        assert!(text.len() <= MAX_ERROR);
        assert!(text.chars().all(|c| c == 'ä'));
    }

    #[test]
    fn the_chain_names_every_cause_once() {
        let cause = std::io::Error::other("disk full");
        let error: BoxError = Box::new(crate::Error::invalid("no place").with_source(cause));

        assert_eq!(chain(&error), "no place: disk full");
    }

    #[test]
    fn permanent_is_found_below_another_error() {
        let inner = Permanent::new("gone");
        let error: BoxError = Box::new(crate::Error::invalid("outer").with_source(inner));

        assert!(Permanent::is_in(&error));
        assert!(!Permanent::is_in(&"plain".into()));
    }
}
