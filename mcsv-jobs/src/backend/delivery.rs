use std::fmt;
use std::sync::Arc;

use apalis_core::task::Task;
use apalis_core::task::from_request::FromRequest;

use crate::keyring::Keyring;
use crate::store::Claimed;
use crate::{Error, Job, JobCx};

/// A claimed job on its way to a handler: what an apalis worker on a [`QueueBackend`] gets.
///
/// [`QueueBackend`]: crate::QueueBackend
#[derive(Clone)]
pub struct Delivery {
    pub(crate) claimed: Arc<Claimed>,
    pub(crate) cx: JobCx,
    pub(crate) keyring: Keyring,
}

impl Delivery {
    /// The name of the job's kind.
    #[must_use]
    pub fn kind(&self) -> &str {
        &self.claimed.kind
    }

    /// The arguments as they are stored: encoded, and sealed if their codec is
    /// [`SEALED`](crate::Codec::SEALED).
    #[must_use]
    pub fn args(&self) -> &[u8] {
        &self.claimed.args
    }

    /// What a handler can know about this attempt.
    #[must_use]
    pub fn cx(&self) -> &JobCx {
        &self.cx
    }

    /// The arguments as a `J`.
    ///
    /// # Errors
    ///
    /// The job is of another kind, or the bytes are not this type.
    pub fn decode<J: Job>(&self) -> Result<J, Error> {
        if self.kind() != J::KIND {
            return Err(Error::invalid(format!(
                "a job of kind {:?} was delivered: decode it as that, not as {:?}",
                self.kind(),
                J::KIND
            )));
        }
        let key_id = self.claimed.key_id.as_deref();
        let opened = self.keyring.open(self.kind(), key_id, self.args());
        opened.map_err(|cause| Error::decode(self.kind(), cause))?.decode()
    }
}

impl fmt::Debug for Delivery {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The arguments stay out: they may hold what no log should.
        f.debug_struct("Delivery")
            .field("id", &self.claimed.id)
            .field("kind", &self.claimed.kind)
            .finish_non_exhaustive()
    }
}

impl FromRequest<Task<Delivery>> for JobCx {
    type Error = std::convert::Infallible;

    async fn from_request(task: &Task<Delivery>) -> Result<Self, Self::Error> {
        Ok(task.args.cx.clone())
    }
}
