use std::fmt;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use mcsv_core::TraceContext;

use crate::{BatchId, Codec, Error, ErrorKind, Job, Policy, Retention, Unique};

/// The most bytes of encoded arguments.
pub(crate) const MAX_ARGS: usize = 256 * 1024;
/// The most bytes of a unique key, and of a partition.
const MAX_KEY: usize = 512;

/// A job that is encoded and not yet enqueued, whatever its type.
///
/// Every [`Job`] becomes one by `into()`. Make it by hand where a list mixes kinds, or where a
/// follow-up needs options.
///
/// ```
/// # use mcsv_jobs::{Job, Json, NewJob};
/// # use serde::{Deserialize, Serialize};
/// use std::time::Duration;
/// # #[derive(Serialize, Deserialize)] struct Ping;
/// # impl Job for Ping { const KIND: &'static str = "ping"; const QUEUE: &'static str = "q"; type Codec = Json; }
///
/// let later = NewJob::new(Ping).after(Duration::from_secs(60)).priority(10);
/// assert_eq!(later.kind(), "ping");
/// ```
#[derive(Clone)]
#[must_use = "a new job does nothing until it is enqueued"]
pub struct NewJob {
    pub(crate) kind: &'static str,
    pub(crate) queue: String,
    // A job that can't be encoded fails where it is enqueued, so that building one stays plain.
    pub(crate) args: Result<Vec<u8>, String>,
    pub(crate) sealed: bool,
    pub(crate) unique_key: Option<String>,
    pub(crate) unique: Unique,
    pub(crate) partition: Option<String>,
    pub(crate) start: Start,
    pub(crate) priority: i32,
    pub(crate) max_attempts: u32,
    /// Whether its kind has it logged from the start.
    pub(crate) is_logged: bool,
    pub(crate) trace: Option<TraceContext>,
    pub(crate) batch: Option<BatchId>,
    /// What follows on it, in order; these have no chain of their own.
    pub(crate) chain: Vec<NewJob>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Start {
    Now,
    After(Duration),
    At(SystemTime),
}

impl NewJob {
    /// A job with the options of its type, in the trace that is current here.
    pub fn new<J: Job>(job: J) -> Self {
        let policy = J::policy();
        NewJob {
            kind: J::KIND,
            queue: J::QUEUE.to_owned(),
            args: J::Codec::encode(&job).map_err(|error| error.to_string()),
            sealed: J::Codec::SEALED,
            unique_key: job.unique_key(),
            unique: J::unique(),
            partition: job.partition(),
            start: Start::Now,
            priority: 0,
            max_attempts: policy.max_attempts(),
            is_logged: policy.retention() != Retention::ForgetCompleted,
            trace: TraceContext::current(),
            batch: None,
            chain: Vec::new(),
        }
    }

    /// Starts it this long after it is enqueued, by the database's clock, at most a year.
    pub fn after(mut self, delay: Duration) -> Self {
        self.start = Start::After(delay.min(Policy::LONGEST));
        self
    }

    /// Starts it at `time`; at once if that has passed.
    pub fn at(mut self, time: SystemTime) -> Self {
        self.start = Start::At(time);
        self
    }

    /// Lets it start before jobs of a lower priority, from -100 to 100, 0 by default; a number
    /// outside is moved to the nearest end.
    ///
    /// Among jobs that waited for their time, scheduled ones and retries, a worker looks at those that
    /// have been due for longest, as many as it has places: where more are due, they start in that
    /// order, and the priority counts within each look.
    ///
    /// Jobs of one priority start in the order of their times. On PostgreSQL one whose transaction was
    /// long may come after its turn while its queue is full: mostly by 0.1 s, and by 5 s at most.
    pub fn priority(mut self, priority: i32) -> Self {
        self.priority = priority.clamp(-100, 100);
        self
    }

    /// Tries it at most this often, in place of its policy's number.
    pub fn max_attempts(mut self, attempts: u32) -> Self {
        self.max_attempts = attempts.clamp(1, Policy::MOST_ATTEMPTS);
        self
    }

    /// Puts it into another queue than its type's own.
    pub fn queue(mut self, queue: &str) -> Self {
        queue.clone_into(&mut self.queue);
        self
    }

    /// Lets it share the places of `partition`, in place of its type's own; see
    /// [`Job::partition`].
    pub fn partition(mut self, partition: impl Into<String>) -> Self {
        self.partition = Some(partition.into());
        self
    }

    /// Gives it this key, in place of its type's own; see [`Job::unique_key`].
    pub fn unique_key(mut self, key: impl Into<String>) -> Self {
        self.unique_key = Some(key.into());
        self
    }

    /// Lets its key stand by this rule, in place of its type's own; see [`Job::unique`].
    pub fn unique(mut self, unique: Unique) -> Self {
        self.unique = unique;
        self
    }

    /// Counts it to the batch `id`; see [`Jobs::batch`](crate::Jobs::batch).
    pub fn in_batch(mut self, id: BatchId) -> Self {
        self.batch = Some(id);
        self
    }

    /// Enqueues `next` when this job has completed, in the same transaction; a chain of any length,
    /// for what `next` is followed by comes along.
    ///
    /// A job that ends in another way ends its chain. A job of a chain is in the batch of the one
    /// before it, unless it has its own, and in its trace.
    ///
    /// ```
    /// # use mcsv_jobs::{Job, Json, NewJob};
    /// # use serde::{Deserialize, Serialize};
    /// # #[derive(Serialize, Deserialize)] struct Fetch;
    /// # impl Job for Fetch { const KIND: &'static str = "fetch"; const QUEUE: &'static str = "q"; type Codec = Json; }
    /// # #[derive(Serialize, Deserialize)] struct Convert;
    /// # impl Job for Convert { const KIND: &'static str = "convert"; const QUEUE: &'static str = "q"; type Codec = Json; }
    /// # #[derive(Serialize, Deserialize)] struct Send;
    /// # impl Job for Send { const KIND: &'static str = "send"; const QUEUE: &'static str = "q"; type Codec = Json; }
    /// let chain = NewJob::new(Fetch).then(Convert).then(Send);
    /// # let _ = chain;
    /// ```
    pub fn then(mut self, next: impl Into<NewJob>) -> Self {
        let mut next = next.into();
        let rest = std::mem::take(&mut next.chain);
        self.chain.push(next);
        self.chain.extend(rest);
        self
    }

    /// The name of its kind.
    #[must_use]
    pub fn kind(&self) -> &str {
        self.kind
    }

    pub(crate) fn check(&self) -> Result<&[u8], Error> {
        check_name("job kind", self.kind)?;
        check_name("queue", &self.queue)?;
        let args = self.args.as_deref().map_err(|cause| {
            let context = format!("arguments of kind {:?} can't be encoded", self.kind);
            Error::new(ErrorKind::Encode, context).with_source(cause.clone())
        })?;
        if args.len() > MAX_ARGS {
            return Err(Error::new(
                ErrorKind::TooLarge,
                format!(
                    "arguments of kind {:?} are {} bytes: give at most {MAX_ARGS}, or a reference",
                    self.kind,
                    args.len()
                ),
            ));
        }
        check_key("unique key", &self.unique_key)?;
        self.unique.check()?;
        check_key("partition", &self.partition)?;
        Ok(args)
    }
}

impl fmt::Debug for NewJob {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The arguments stay out: they may hold what no log should.
        f.debug_struct("NewJob")
            .field("kind", &self.kind)
            .field("queue", &self.queue)
            .field("start", &self.start)
            .finish_non_exhaustive()
    }
}

impl<J: Job> From<J> for NewJob {
    fn from(job: J) -> Self {
        NewJob::new(job)
    }
}

impl Start {
    /// The delay in milliseconds, and the instant in milliseconds since 1970, for the database.
    pub(crate) fn to_millis(self) -> (i64, Option<i64>) {
        match self {
            Start::Now => (0, None),
            Start::After(delay) => (millis(delay), None),
            Start::At(time) => (0, Some(time.duration_since(UNIX_EPOCH).map_or(0, millis))),
        }
    }
}

pub(crate) fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX / 4)
}

/// The other way round; no time where it is negative, as between the times of two clocks.
pub(crate) fn from_millis(millis: i64) -> Duration {
    Duration::from_millis(u64::try_from(millis).unwrap_or(0))
}

fn check_key(what: &str, key: &Option<String>) -> Result<(), Error> {
    let key = key.as_deref().unwrap_or_default();
    if key.len() > MAX_KEY {
        let context = format!("{what} of {} bytes: give at most {MAX_KEY}, or a hash", key.len());
        return Err(Error::new(ErrorKind::TooLarge, context));
    }
    // PostgreSQL has no such character.
    if key.contains('\0') {
        return Err(Error::invalid(format!("{what} {key:?} has a NUL character: leave it out")));
    }
    Ok(())
}

/// Names are keys of metrics and of the database: short, printable, no spaces at all.
pub(crate) fn check_name(what: &str, name: &str) -> Result<(), Error> {
    let printable = name.bytes().all(|byte| byte.is_ascii_graphic());
    if name.is_empty() || name.len() > 128 || !printable {
        return Err(Error::invalid(format!(
            "{what} {:?}: give 1 to 128 bytes of printable ASCII without spaces",
            name.chars().take(64).collect::<String>()
        )));
    }
    Ok(())
}
