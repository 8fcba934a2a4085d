use mcsv_core::Error;

use crate::undisclosed::Undisclosed;

/// Why an answer holds no message, by who says so.
pub(crate) enum Fault {
    /// The service that was called. A handler may pass its error on as it is.
    Theirs(Error),
    /// This client: what came is no answer of the service, or none that can be read.
    Ours(Error),
}

impl Fault {
    pub(crate) fn map(self, change: impl FnOnce(Error) -> Error) -> Self {
        match self {
            Fault::Theirs(error) => Fault::Theirs(change(error)),
            Fault::Ours(error) => Fault::Ours(change(error)),
        }
    }

    pub(crate) fn into_error(self) -> Error {
        match self {
            Fault::Theirs(error) => error,
            Fault::Ours(error) => Undisclosed::mark(error),
        }
    }
}

/// Only a service's own error is worth saying so.
impl From<Error> for Fault {
    fn from(error: Error) -> Self {
        Fault::Ours(error)
    }
}
