use std::fmt;

/// The guard's word in the midst of a connection attempt, to be found again among its causes.
#[derive(Debug)]
pub(crate) struct Refusal(pub(crate) &'static str);

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the name leads to {}", self.0)
    }
}

impl std::error::Error for Refusal {}
