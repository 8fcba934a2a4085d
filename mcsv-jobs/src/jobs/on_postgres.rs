use sqlx::{PgConnection, Postgres, Transaction};

use super::answers;
use crate::store::Row;
use crate::{Enqueued, Error, Jobs, NewJob, trace};

impl Jobs {
    /// Begins a transaction on a connection of the queue's pool, for a caller who keeps his tables
    /// in the same PostgreSQL database.
    ///
    /// Enqueue in it with [`Enqueue::on_pg`](crate::Enqueue::on_pg). A connection of a pool of your
    /// own does as well, as long as it is to the same database and the same schema.
    ///
    /// What is asked in it waits for its answer as long as the system does, a quarter of an hour where
    /// a machine has vanished: put a time-out of your own around it.
    ///
    /// # Errors
    ///
    /// The queue is not on PostgreSQL, or the server does not answer.
    pub async fn begin_pg(&self) -> Result<Transaction<'static, Postgres>, Error> {
        self.inner.store.postgres()?.begin().await
    }

    pub(crate) async fn submit_on_pg(
        &self,
        job: NewJob,
        conn: &mut PgConnection,
    ) -> Result<Enqueued, Error> {
        self.enqueue_all_on_pg(conn, [job]).await?.pop().ok_or_else(Error::closed)
    }

    /// Enqueues many jobs in the caller's PostgreSQL transaction, like
    /// [`enqueue_all_on`](Self::enqueue_all_on).
    ///
    /// # Errors
    ///
    /// As [`enqueue_all`](Self::enqueue_all), or the queue is not on PostgreSQL.
    pub async fn enqueue_all_on_pg<N: Into<NewJob>>(
        &self,
        transaction: &mut PgConnection,
        jobs: impl IntoIterator<Item = N>,
    ) -> Result<Vec<Enqueued>, Error> {
        self.inner.store.postgres()?;
        let rows = self.rows(jobs)?;
        if rows.is_empty() {
            return Ok(Vec::new());
        }
        let all: Vec<&Row> = rows.iter().collect();
        let inserted = crate::store::insert_on_pg(transaction, &all).await?;
        trace::count_enqueued(&rows, &inserted);
        Ok(answers(&inserted))
    }
}
