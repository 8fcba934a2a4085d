use std::time::Duration;

use tokio::sync::watch;

use crate::{Error, ErrorKind, JobId, Jobs};

/// Another process may run the job: nobody tells this one.
const POLL: Duration = Duration::from_millis(250);

/// Follows what one job says of itself; made by [`Jobs::watch`].
#[derive(Debug)]
pub struct WatchProgress {
    jobs: Jobs,
    id: JobId,
    last: Option<String>,
    /// Whether the job was there.
    seen: bool,
    news: watch::Receiver<u64>,
}

impl Jobs {
    /// What the job `id` last [reported](crate::JobCx::report); none if it has said nothing.
    ///
    /// # Errors
    ///
    /// The database does not answer.
    pub async fn progress(&self, id: JobId) -> Result<Option<serde_json::Value>, Error> {
        self.inner.store.progress(id).await?.as_deref().map(read).transpose()
    }

    /// Follows what the job `id` reports until it has ended.
    ///
    /// ```
    /// # use mcsv_jobs::{BoxError, Job, Jobs, Json};
    /// # use serde::{Deserialize, Serialize};
    /// # #[derive(Serialize, Deserialize)] struct Page { number: u32 }
    /// # impl Job for Page { const KIND: &'static str = "page"; const QUEUE: &'static str = "q"; type Codec = Json; }
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), BoxError> {
    /// # let jobs = Jobs::connect("sqlite::memory:").await?;
    /// # let id = jobs.enqueue(Page { number: 1 }).await?.id();
    /// # jobs.cancel(id).await?; // no worker is here, so that it ends like this
    /// let mut progress = jobs.watch(id);
    /// while let Some(now) = progress.next().await? {
    ///     println!("{now}");
    /// }
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn watch(&self, id: JobId) -> WatchProgress {
        let news = self.inner.finished.subscribe();
        WatchProgress { jobs: self.clone(), id, last: None, seen: false, news }
    }
}

impl WatchProgress {
    /// Waits for something new; none when the job has ended, also where its row is not kept
    /// ([`Retention`](crate::Retention)) and its last report is gone with it. What came and went in
    /// between is not seen. A report of this process's workers is seen at once, of others within a
    /// quarter second.
    ///
    /// # Errors
    ///
    /// There was no such job at the first call, nor an event of it, or the database does not answer.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: a later call sees what an earlier one waited for.
    pub async fn next(&mut self) -> Result<Option<serde_json::Value>, Error> {
        loop {
            self.news.mark_unchanged();
            // In this order: what is said before the end is seen before it.
            let Some(record) = self.jobs.get(self.id).await? else {
                // Only the row of an ended job is deleted.
                if !self.seen {
                    self.jobs.history(self.id).await?;
                }
                return Ok(None);
            };
            self.seen = true;
            let text = self.jobs.inner.store.progress(self.id).await?;
            if let Some(text) = text.filter(|text| self.last.as_ref() != Some(text)) {
                let progress = read(&text)?;
                self.last = Some(text);
                return Ok(Some(progress));
            }
            if record.state.is_finished() {
                return Ok(None);
            }
            // A time-out is the poll; the sender lives as long as the handle.
            let _ = tokio::time::timeout(POLL, self.news.changed()).await;
        }
    }
}

fn read(text: &str) -> Result<serde_json::Value, Error> {
    serde_json::from_str(text).map_err(|cause| {
        Error::new(ErrorKind::Decode, "a stored progress is no JSON").with_source(cause)
    })
}
