use std::time::SystemTime;

use super::manage::not_found;
use crate::{Error, ErrorKind, History, JobId, Jobs, Snapshot, Verification};

impl Jobs {
    /// Everything that happened to the job `id`, and where it stood in between.
    ///
    /// ```
    /// # use mcsv_jobs::{BoxError, Job, Jobs, Json, State};
    /// # use serde::{Deserialize, Serialize};
    /// # #[derive(Serialize, Deserialize)] struct Ping;
    /// # impl Job for Ping { const KIND: &'static str = "ping"; const QUEUE: &'static str = "q"; type Codec = Json; }
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), BoxError> {
    /// let jobs = Jobs::connect("sqlite::memory:").await?;
    /// let id = jobs.enqueue(Ping).await?.id();
    /// jobs.cancel(id).await?;
    ///
    /// let history = jobs.history(id).await?;
    /// assert_eq!(history.events().len(), 2);
    /// assert_eq!(history.latest()?.state, State::Cancelled);
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    ///
    /// There is no event of such a job, as of one that may leave none
    /// ([`Retention::ForgetCompleted`](crate::Retention::ForgetCompleted)), or the database does not
    /// answer.
    pub async fn history(&self, id: JobId) -> Result<History, Error> {
        let events = self.events(id).await?;
        if events.is_empty() {
            return Err(match self.get(id).await? {
                Some(_) => Error::new(
                    ErrorKind::NotFound,
                    format!(
                        "job {id} has no history: by Retention::ForgetCompleted it gets one with what is no \
                     completion of its first attempt"
                    ),
                ),
                None => not_found(id),
            });
        }
        Ok(History::new(id, events))
    }

    /// Where the job `id` stood at `time`, by the database's clock; none before it was enqueued.
    ///
    /// # Errors
    ///
    /// As [`history`](Self::history), or the log contradicts itself.
    pub async fn state_at(&self, id: JobId, time: SystemTime) -> Result<Option<Snapshot>, Error> {
        self.history(id).await?.state_at(time)
    }

    /// Rebuilds every row from its events by the rules of the state machine, and reports each
    /// column that is not what they make it.
    ///
    /// A difference means that somebody wrote to the tables past this crate, that the database is
    /// damaged, or that this crate has a bug. Jobs may run meanwhile: each is read with its events
    /// in one snapshot, 500 at a time. Compared are the state, the attempts, the fence, who holds or
    /// held it, the times of its enqueue, last start and end, the wish to cancel it, and its errors.
    /// What never changes, the time of the next start and the result are not in the log. Of a job
    /// without a row the last event must be its end. One that may have no log
    /// ([`Retention::ForgetCompleted`](crate::Retention::ForgetCompleted)) must not have been through more
    /// than such a job can.
    ///
    /// ```
    /// # use mcsv_jobs::{Error, Jobs};
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Error> {
    /// let jobs = Jobs::connect("sqlite::memory:").await?;
    /// let report = jobs.verify().await?;
    /// assert!(report.is_sound(), "{report}");
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    ///
    /// The database does not answer, or a row can't be read at all.
    pub async fn verify(&self) -> Result<Verification, Error> {
        let mut report = Verification::default();
        let mut after = 0;
        loop {
            let page = self.inner.store.audit(after).await?;
            let Some(last) = page.last() else { break };
            after = last.row.id;
            for audited in &page {
                report.add(audited);
            }
        }
        self.look_for_vanished(&mut report).await?;
        Ok(report)
    }

    async fn look_for_vanished(&self, report: &mut Verification) -> Result<(), Error> {
        let mut after = 0;
        loop {
            let page = self.inner.store.vanished(after).await?;
            let Some((last, _)) = page.last() else { return Ok(()) };
            after = *last;
            for (id, state) in page {
                report.add_vanished(JobId::new(id)?, state.parse()?);
            }
        }
    }
}
