use std::collections::BTreeMap;

use crate::store::SetLimits;
use crate::{Error, Jobs, Limits};

impl Jobs {
    /// Bounds what all workers of the queue `name` together may do, from now on and in every
    /// process.
    ///
    /// It replaces the limits that the queue had; [`Limits::new`] takes them away. They are kept in
    /// the database and outlive restarts. Jobs that run go on.
    ///
    /// ```
    /// # use mcsv_jobs::{Error, Jobs, Limits};
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Error> {
    /// let jobs = Jobs::connect("sqlite::memory:").await?;
    /// jobs.limit("emails", Limits::new().with_running(3)).await?;
    /// assert_eq!(jobs.limits().await?["emails"].running(), Some(3));
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    ///
    /// The name is no queue's, or the database does not answer.
    pub async fn limit(&self, name: &str, limits: Limits) -> Result<(), Error> {
        crate::new_job::check_name("queue", name)?;
        self.inner.store.limit(SetLimits { queue: name.to_owned(), limits }).await?;
        self.inner.ring(name);
        Ok(())
    }

    /// The limits of every queue that has some, by name.
    ///
    /// # Errors
    ///
    /// The database does not answer.
    pub async fn limits(&self) -> Result<BTreeMap<String, Limits>, Error> {
        self.inner.store.limits().await
    }
}
