use std::fmt;
use std::time::{SystemTime, UNIX_EPOCH};

use mcsv_core::TraceId;

use crate::keyring::Keyring;
use crate::{BatchId, Error, Job, JobId, State};

/// A job as the database has it.
#[derive(Clone, PartialEq)]
#[non_exhaustive]
pub struct JobRecord {
    /// Its id.
    pub id: JobId,
    /// The name of its kind.
    pub kind: String,
    /// Its queue.
    pub queue: String,
    /// Where it stands. A scheduled job stays so until it is claimed, also when it is due.
    pub state: State,
    /// From -100 to 100, higher first.
    pub priority: i32,
    /// The attempts that are used up, the running one included.
    pub attempt: u32,
    /// The attempts that it has.
    pub max_attempts: u32,
    /// When it was enqueued.
    pub inserted_at: SystemTime,
    /// When it may start, or could have started.
    pub scheduled_at: SystemTime,
    /// When the last attempt began.
    pub attempted_at: Option<SystemTime>,
    /// The worker that holds it or held it last; empty if none did.
    pub attempted_by: String,
    /// When it ended.
    pub finished_at: Option<SystemTime>,
    /// The newest 20 failures, the newest last.
    pub errors: Vec<AttemptError>,
    /// What it recorded with [`Outcome::with_result`](crate::Outcome::with_result).
    pub result: Option<serde_json::Value>,
    /// The trace that it was enqueued in.
    pub trace_id: Option<TraceId>,
    /// What makes it unique while it is unfinished.
    pub unique_key: Option<String>,
    /// With which others it shares a [limit](crate::Limits::with_running_per_partition).
    pub partition: Option<String>,
    /// The batch that it belongs to.
    pub batch: Option<BatchId>,
    /// The key that its arguments are sealed with, if they are.
    pub sealed_with: Option<String>,
    /// Its arguments: encoded, and then sealed where `sealed_with` names a key.
    pub args: Vec<u8>,
}

/// One failure of a job.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct AttemptError {
    /// The attempt that failed, from 1.
    pub attempt: u32,
    /// When it failed.
    pub at: SystemTime,
    /// The error and its causes, at most 2 KiB.
    pub message: String,
}

impl JobRecord {
    /// The arguments, as the type that they were enqueued with; [`Jobs::open`](crate::Jobs::open)
    /// does it for sealed ones too.
    ///
    /// # Errors
    ///
    /// The job is of another kind, the bytes are not this type, or they are sealed.
    pub fn decode<J: Job>(&self) -> Result<J, Error> {
        self.decode_with(&Keyring::default())
    }

    pub(crate) fn decode_with<J: Job>(&self, keyring: &Keyring) -> Result<J, Error> {
        if self.kind != J::KIND {
            return Err(Error::invalid(format!(
                "job {} is of kind {:?}: decode it as that, not as {:?}",
                self.id,
                self.kind,
                J::KIND
            )));
        }
        let opened = keyring.open(&self.kind, self.sealed_with.as_deref(), &self.args);
        opened.map_err(|cause| Error::decode(&self.kind, cause))?.decode()
    }

    /// The arguments as JSON, where they are.
    #[must_use]
    pub fn args_json(&self) -> Option<serde_json::Value> {
        serde_json::from_slice(&self.args).ok()
    }

    /// The newest error.
    #[must_use]
    pub fn last_error(&self) -> Option<&AttemptError> {
        self.errors.last()
    }
}

impl fmt::Debug for JobRecord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The arguments, the key and the result stay out: they may hold what no log should.
        f.debug_struct("JobRecord")
            .field("id", &self.id)
            .field("kind", &self.kind)
            .field("queue", &self.queue)
            .field("state", &self.state)
            .field("attempt", &self.attempt)
            .field("errors", &self.errors)
            .finish_non_exhaustive()
    }
}

pub(crate) fn time(millis: i64) -> SystemTime {
    UNIX_EPOCH + crate::new_job::from_millis(millis)
}
