use std::fmt;
use std::str::FromStr;
use std::time::{SystemTime, UNIX_EPOCH};

use crate::{BatchId, Error, JobId, JobRecord, State};

/// Which jobs to list or to replay; every condition narrows it, none means all.
///
/// ```
/// use mcsv_jobs::{Filter, State};
///
/// let dead_mails = Filter::new().with_queue("emails").with_state(State::Discarded).with_limit(50);
/// let at_work = Filter::new().with_states(State::UNFINISHED);
/// # let _ = (dead_mails, at_work);
/// ```
#[derive(Clone, Debug, Default)]
pub struct Filter {
    pub(crate) queue: Option<String>,
    pub(crate) kind: Option<String>,
    pub(crate) states: Vec<State>,
    pub(crate) error: Option<String>,
    pub(crate) keys: Option<Vec<String>>,
    pub(crate) batch: Option<BatchId>,
    pub(crate) finished_from: Option<i64>,
    pub(crate) finished_until: Option<i64>,
    pub(crate) limit: Option<u32>,
    pub(crate) page: Option<PageToken>,
}

impl Filter {
    /// The most jobs of one page.
    pub const MOST: u32 = 1_000;
    const DEFAULT: u32 = 100;

    /// Every job.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Only jobs of this queue.
    #[must_use]
    pub fn with_queue(mut self, queue: impl Into<String>) -> Self {
        self.queue = Some(queue.into());
        self
    }

    /// Only jobs of this kind.
    #[must_use]
    pub fn with_kind(mut self, kind: impl Into<String>) -> Self {
        self.kind = Some(kind.into());
        self
    }

    /// Only jobs in this state, or in one that was given before.
    #[must_use]
    pub fn with_state(mut self, state: State) -> Self {
        self.states.push(state);
        self
    }

    /// Only jobs in one of these states, such as [`State::UNFINISHED`].
    #[must_use]
    pub fn with_states(mut self, states: impl IntoIterator<Item = State>) -> Self {
        self.states.extend(states);
        self
    }

    /// Only jobs of which a kept error contains `text`.
    #[must_use]
    pub fn with_error_containing(mut self, text: impl Into<String>) -> Self {
        self.error = Some(text.into());
        self
    }

    /// Only jobs with one of these unique keys.
    #[must_use]
    pub fn with_unique_keys<K: Into<String>>(mut self, keys: impl IntoIterator<Item = K>) -> Self {
        self.keys = Some(keys.into_iter().map(Into::into).collect());
        self
    }

    /// Only jobs of this batch.
    #[must_use]
    pub fn with_batch(mut self, batch: BatchId) -> Self {
        self.batch = Some(batch);
        self
    }

    /// Only jobs that ended at `time` or later, to the millisecond.
    #[must_use]
    pub fn with_finished_from(mut self, time: SystemTime) -> Self {
        self.finished_from = Some(unix_millis(time));
        self
    }

    /// Only jobs that ended before `time`, to the millisecond.
    #[must_use]
    pub fn with_finished_until(mut self, time: SystemTime) -> Self {
        self.finished_until = Some(unix_millis(time));
        self
    }

    /// At most this many, from 1 to [`MOST`](Self::MOST); a number outside is moved to the nearest
    /// end. A list has 100 by default, a replay has no limit.
    #[must_use]
    pub fn with_limit(mut self, limit: u32) -> Self {
        self.limit = Some(limit.clamp(1, Self::MOST));
        self
    }

    /// Goes on after the page that gave this token.
    #[must_use]
    pub fn with_page(mut self, page: PageToken) -> Self {
        self.page = Some(page);
        self
    }

    /// Whether it asks for unfinished jobs alone, which have indexes of their own.
    pub(crate) fn is_of_unfinished(&self) -> bool {
        !self.states.is_empty() && self.states.iter().all(|state| !state.is_finished())
    }

    /// The same of ended ones.
    pub(crate) fn is_of_ended(&self) -> bool {
        !self.states.is_empty() && self.states.iter().all(|state| state.is_finished())
    }

    pub(crate) fn page_size(&self) -> u32 {
        self.limit.unwrap_or(Self::DEFAULT)
    }
}

fn unix_millis(time: SystemTime) -> i64 {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

/// A part of a list, the newest jobs first.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Page {
    /// The jobs.
    pub jobs: Vec<JobRecord>,
    /// Where the next page begins; none after the last one.
    pub next: Option<PageToken>,
}

/// Where a page begins. Its text has no meaning to a client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PageToken(JobId);

impl PageToken {
    pub(crate) fn after(id: JobId) -> Self {
        PageToken(id)
    }

    pub(crate) fn before_id(&self) -> i64 {
        self.0.get()
    }
}

impl fmt::Display for PageToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "b{:x}", self.0.get())
    }
}

impl FromStr for PageToken {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.strip_prefix('b')
            .and_then(|digits| i64::from_str_radix(digits, 16).ok())
            .and_then(|id| JobId::new(id).ok())
            .map(PageToken)
            .ok_or_else(|| Error::invalid("bad page token: give the one of the page before"))
    }
}
