use crate::jobs::Inner;
use crate::{Depth, Error, Event, Filter, JobId, JobRecord, Jobs, Page, PageToken, QueueStats};

impl Jobs {
    /// The job `id`, as it is now.
    ///
    /// # Errors
    ///
    /// The database does not answer.
    pub async fn get(&self, id: JobId) -> Result<Option<JobRecord>, Error> {
        self.inner.store.get(id).await
    }

    /// A page of the jobs that match, the newest first.
    ///
    /// # Errors
    ///
    /// The database does not answer.
    pub async fn list(&self, filter: Filter) -> Result<Page, Error> {
        let size = filter.page_size();
        // One more than asked for tells whether there is a next page.
        let mut jobs = self.inner.store.list(&filter, size + 1).await?;
        let more = jobs.len() > size as usize;
        jobs.truncate(size as usize);
        let next = jobs.last().filter(|_| more).map(|last| PageToken::after(last.id));
        Ok(Page { jobs, next })
    }

    /// The numbers of jobs by queue and state.
    ///
    /// # Errors
    ///
    /// The database does not answer.
    pub async fn stats(&self) -> Result<Vec<QueueStats>, Error> {
        self.inner.stats(None).await
    }

    /// The numbers of jobs of one queue by state; all are zero where no job was ever.
    ///
    /// # Errors
    ///
    /// The database does not answer.
    pub async fn queue_stats(&self, queue: &str) -> Result<QueueStats, Error> {
        let found = self.inner.stats(Some(queue)).await?.pop();
        Ok(found.unwrap_or_else(|| QueueStats::empty(queue)))
    }

    /// The numbers of unfinished jobs by queue, kind and state, with the age of the oldest, ordered
    /// by all three: what the gauges `jobs_queue_depth` and `jobs_oldest_age_seconds` are set by.
    ///
    /// The database looks at each unfinished job and at none that has ended: it takes the longer the
    /// more jobs wait, about a second for a million of them.
    ///
    /// ```
    /// # use mcsv_jobs::{Error, Job, Jobs, Json, State};
    /// # use serde::{Deserialize, Serialize};
    /// # #[derive(Serialize, Deserialize)] struct Ping;
    /// # impl Job for Ping { const KIND: &'static str = "ping"; const QUEUE: &'static str = "q"; type Codec = Json; }
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Error> {
    /// let jobs = Jobs::connect("sqlite::memory:").await?;
    /// jobs.enqueue_all([Ping, Ping]).await?;
    /// let depths = jobs.depths().await?;
    /// assert_eq!((depths[0].kind.as_str(), depths[0].state), ("ping", State::Available));
    /// assert_eq!(depths[0].count, 2);
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    ///
    /// The database does not answer.
    pub async fn depths(&self) -> Result<Vec<Depth>, Error> {
        self.inner.store.depths().await
    }

    /// Everything that happened to the job `id`, in order.
    ///
    /// # Errors
    ///
    /// The database does not answer.
    pub async fn events(&self, id: JobId) -> Result<Vec<Event>, Error> {
        self.inner.store.events(id).await
    }

    /// Which of `keys` belong to an unfinished job of `kind`.
    ///
    /// # Errors
    ///
    /// The database does not answer.
    pub async fn unique_keys_unfinished(
        &self,
        kind: &str,
        keys: &[String],
    ) -> Result<Vec<String>, Error> {
        self.inner.store.keys_unfinished(kind, keys).await
    }
}

impl Inner {
    async fn stats(&self, queue: Option<&str>) -> Result<Vec<QueueStats>, Error> {
        let mut all: Vec<QueueStats> = Vec::new();
        for (queue, state, count) in self.store.counts(queue).await? {
            if all.last().is_none_or(|last| last.queue != queue) {
                all.push(QueueStats::empty(&queue));
            }
            if let Some(stats) = all.last_mut() {
                stats.counts.insert(state.parse()?, u64::try_from(count).unwrap_or(0));
            }
        }
        Ok(all)
    }
}
