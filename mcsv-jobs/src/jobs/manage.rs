use std::time::Duration;

use crate::store::{Cancel, PRUNE_STEP, Prune, Requeue, RequeueWhich};
use crate::{Error, ErrorKind, Filter, JobId, JobRecord, Jobs, Pruned, State};

impl Jobs {
    /// Calls a job off: at once where it waits, by a signal to its handler where it runs.
    ///
    /// Answers with the state that it is in afterwards: `executing` means that the signal is on its
    /// way. Again is fine.
    ///
    /// # Errors
    ///
    /// There is no such job, or it has ended already.
    pub async fn cancel(&self, id: JobId) -> Result<State, Error> {
        let Some(reply) = self.inner.store.cancel(Cancel(id)).await? else {
            return Err(not_found(id));
        };
        let ended = reply.state.is_finished();
        if ended && !reply.changed {
            let context = format!("job {id} is {} already: it can't be cancelled", reply.state);
            return Err(Error::new(ErrorKind::Conflict, context));
        }
        self.inner.announce_completions(&reply.completions);
        if ended {
            self.inner.tell_watchers();
        } else {
            self.inner.ring_all();
        }
        Ok(reply.state)
    }

    /// Puts an ended job back into its queue, with a full budget of attempts and of time.
    ///
    /// # Errors
    ///
    /// There is no such job, it has not ended, or another job has its unique key.
    pub async fn retry(&self, id: JobId) -> Result<JobRecord, Error> {
        let before = self.get(id).await?;
        let back = self.inner.store.requeue(Requeue(RequeueWhich::One(id))).await?;
        for queue in &back {
            self.inner.ring(queue);
        }
        let record = match (self.get(id).await?, before) {
            (Some(record), _) => record,
            // It has been completed since, and its row is not kept.
            (None, Some(before)) if !back.is_empty() => {
                JobRecord { state: State::Available, attempt: 0, finished_at: None, ..before }
            }
            _ => return Err(not_found(id)),
        };
        if back.is_empty() {
            let why = if record.state.is_finished() {
                "another job has its unique key"
            } else {
                "only an ended job can be retried"
            };
            let context = format!("job {id} is {}: {why}", record.state);
            return Err(Error::new(ErrorKind::Conflict, context));
        }
        Ok(record)
    }

    /// Puts every ended job that matches back, like [`retry`](Self::retry), and answers how many. Of
    /// several with one unique key the newest goes back.
    ///
    /// # Errors
    ///
    /// The database does not answer.
    pub async fn replay(&self, filter: Filter) -> Result<u64, Error> {
        let back = self.inner.store.requeue(Requeue(RequeueWhich::Matching(filter))).await?;
        for queue in &back {
            self.inner.ring(queue);
        }
        Ok(back.len() as u64)
    }

    /// Deletes jobs that ended longer ago than `finished_older_than`, and the events of jobs that are
    /// gone, once the last of them is older than `events_older_than`.
    ///
    /// The jobs of a [batch](Self::batch) stay until it has ended: they are what it counts.
    /// It works in small steps, so that others can write in between.
    ///
    /// # Errors
    ///
    /// The database does not answer; what was deleted until then stays deleted.
    pub async fn prune(
        &self,
        finished_older_than: Duration,
        events_older_than: Duration,
    ) -> Result<Pruned, Error> {
        let mut pruned = Pruned::default();
        loop {
            let step =
                self.inner.store.prune(Prune { finished_older_than, events_older_than }).await?;
            pruned.jobs += step.jobs;
            pruned.events += step.events;
            if step.jobs.max(step.events) < PRUNE_STEP {
                return Ok(pruned);
            }
        }
    }

    /// Waits until the job `id` has ended, at most `timeout`, and answers with it.
    ///
    /// # Errors
    ///
    /// There is no such job, as of a completed one whose row is not kept
    /// ([`Retention`](crate::Retention)), or it has not ended in time
    /// ([`ErrorKind::Unavailable`](crate::ErrorKind::Unavailable)).
    pub async fn wait(&self, id: JobId, timeout: Duration) -> Result<JobRecord, Error> {
        match tokio::time::timeout(timeout, self.ended(id)).await {
            Ok(ended) => ended,
            Err(_) => Err(Error::new(
                ErrorKind::Unavailable,
                format!("job {id} has not ended within {timeout:?}: wait longer, or look later"),
            )),
        }
    }

    async fn ended(&self, id: JobId) -> Result<JobRecord, Error> {
        /// Another process may end the job: nobody tells this one.
        const POLL: Duration = Duration::from_millis(250);
        let mut finished = self.inner.finished.subscribe();
        loop {
            finished.mark_unchanged();
            let record = self.get(id).await?.ok_or_else(|| not_found(id))?;
            if record.state.is_finished() {
                return Ok(record);
            }
            // A time-out is the poll; the sender lives as long as this handle.
            let _ = tokio::time::timeout(POLL, finished.changed()).await;
        }
    }
}

pub(super) fn not_found(id: JobId) -> Error {
    Error::new(
        ErrorKind::NotFound,
        format!("no job {id}: it was never there, or its row is deleted"),
    )
}
