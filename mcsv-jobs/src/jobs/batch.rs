use crate::{BatchId, BatchStatus, EnqueueBatch, Error, ErrorKind, Jobs, NewJob};

impl Jobs {
    /// Enqueues `jobs` as a batch, in one transaction.
    ///
    /// ```
    /// # use mcsv_jobs::{BoxError, Job, Jobs, Json};
    /// # use serde::{Deserialize, Serialize};
    /// # #[derive(Serialize, Deserialize)] struct Page { number: u32 }
    /// # impl Job for Page { const KIND: &'static str = "page"; const QUEUE: &'static str = "q"; type Codec = Json; }
    /// # #[derive(Serialize, Deserialize)] struct Bind { batch: i64 }
    /// # impl Job for Bind { const KIND: &'static str = "bind"; const QUEUE: &'static str = "q"; type Codec = Json; }
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), BoxError> {
    /// let jobs = Jobs::connect("sqlite::memory:").await?;
    /// let book = jobs.batch((1..=3).map(|number| Page { number }));
    /// let batch = book.id();
    /// book.then(Bind { batch: batch.get() }).await?;
    ///
    /// assert_eq!(jobs.batch_status(batch).await?.progress(), (0, 3));
    /// # Ok(()) }
    /// ```
    ///
    /// A handler adds to the batch of its own job by
    /// [`NewJob::in_batch`](crate::NewJob::in_batch) in
    /// [`Outcome::then`](crate::Outcome::then): the batch does not end in between. A batch that has
    /// ended stays ended, also where one of its jobs is put back.
    ///
    /// # Errors
    ///
    /// As [`enqueue_all`](Self::enqueue_all).
    pub fn batch<N: Into<NewJob>>(&self, jobs: impl IntoIterator<Item = N>) -> EnqueueBatch<'_> {
        EnqueueBatch::new(self, jobs.into_iter().map(Into::into).collect())
    }

    /// Where the batch `id` stands.
    ///
    /// # Errors
    ///
    /// There is no such batch, or the database does not answer.
    pub async fn batch_status(&self, id: BatchId) -> Result<BatchStatus, Error> {
        let found = self.inner.store.batch(id).await?;
        found.ok_or_else(|| {
            let context = format!("no batch {id}: it was never there, or is pruned");
            Error::new(ErrorKind::NotFound, context)
        })
    }
}
