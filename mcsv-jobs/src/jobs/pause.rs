use crate::store::Pause;
use crate::{Error, Jobs};

impl Jobs {
    /// Starts nothing more of the queue `name`, in any process, until it is [resumed](Self::resume).
    ///
    /// Jobs that run go on, and new ones can be enqueued. It is kept in the database and outlives
    /// restarts. Pausing a paused queue changes nothing.
    ///
    /// ```
    /// # use mcsv_jobs::{Error, Jobs};
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Error> {
    /// let jobs = Jobs::connect("sqlite::memory:").await?;
    /// jobs.pause("emails").await?;
    /// assert_eq!(jobs.paused().await?, ["emails"]);
    /// jobs.resume("emails").await?;
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    ///
    /// The name is no queue's, or the database does not answer.
    pub async fn pause(&self, name: &str) -> Result<(), Error> {
        crate::new_job::check_name("queue", name)?;
        self.inner.store.pause(Pause::Begin(name.to_owned())).await
    }

    /// Lets the jobs of the queue `name` start again.
    ///
    /// # Errors
    ///
    /// The name is no queue's, or the database does not answer.
    pub async fn resume(&self, name: &str) -> Result<(), Error> {
        crate::new_job::check_name("queue", name)?;
        self.inner.store.pause(Pause::End(name.to_owned())).await?;
        self.inner.ring(name);
        Ok(())
    }

    /// The queues that are paused, by name.
    ///
    /// # Errors
    ///
    /// The database does not answer.
    pub async fn paused(&self) -> Result<Vec<String>, Error> {
        self.inner.store.paused().await
    }
}
