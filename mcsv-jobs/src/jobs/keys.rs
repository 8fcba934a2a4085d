use crate::{Error, Job, JobRecord, Jobs};

impl Jobs {
    /// The same queue for a process that has `keys`: jobs whose codec is
    /// [`Sealed`](crate::Sealed) are encrypted where they are enqueued, and decrypted by the workers
    /// of this handle.
    #[cfg(feature = "encryption")]
    #[must_use]
    pub fn with_keys(mut self, keys: crate::Keys) -> Self {
        self.keyring = crate::keyring::Keyring::new(keys);
        self
    }

    /// The arguments of a record, opened by the keys of this handle if they are sealed.
    ///
    /// # Errors
    ///
    /// The job is of another kind, its key is missing, or the bytes are not what they should be.
    pub fn open<J: Job>(&self, record: &JobRecord) -> Result<J, Error> {
        record.decode_with(&self.keyring)
    }
}
