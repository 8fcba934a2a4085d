use std::error::Error as StdError;
use std::fmt;

/// What a handler may fail with.
pub type BoxError = Box<dyn StdError + Send + Sync>;

/// Why a call to the queue failed.
///
/// ```
/// use mcsv_jobs::{ErrorKind, JobId};
///
/// let error = JobId::new(-1).unwrap_err();
/// assert_eq!(error.kind(), ErrorKind::Invalid);
/// assert!(!error.is_retryable());
/// ```
pub struct Error(Box<Inner>);

struct Inner {
    kind: ErrorKind,
    context: String,
    source: Option<BoxError>,
}

/// The kinds of [`Error`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// A value is wrong whatever the state of the queue: a name, a range, a cron expression.
    Invalid,
    /// The arguments or the result of a job are larger than the limit.
    TooLarge,
    /// A job's arguments or result can't be encoded.
    Encode,
    /// Stored arguments can't be decoded as the type that was asked for.
    Decode,
    /// No job has this id.
    NotFound,
    /// The job is not in a state that allows this.
    Conflict,
    /// The database did not answer in time or is locked: the same call may pass later.
    Unavailable,
    /// The database refused a statement or is damaged.
    Database,
    /// The disk refused what was committed: it is in the database all the same, for everyone to see,
    /// and a power cut may take it back. On SQLite only. To call again does it again, but for jobs with
    /// unique keys.
    NotOnDisk,
    /// The queue is closed: its runtime is gone, or its SQLite file was deleted or replaced.
    Closed,
}

impl Error {
    pub(crate) fn new(kind: ErrorKind, context: impl Into<String>) -> Self {
        Error(Box::new(Inner { kind, context: context.into(), source: None }))
    }

    pub(crate) fn with_source(mut self, source: impl Into<BoxError>) -> Self {
        self.0.source = Some(source.into());
        self
    }

    pub(crate) fn invalid(context: impl Into<String>) -> Self {
        Error::new(ErrorKind::Invalid, context)
    }

    pub(crate) fn closed() -> Self {
        Error::new(ErrorKind::Closed, "the queue is closed: connect again in a live runtime")
    }

    pub(crate) fn decode(kind: &str, source: impl Into<BoxError>) -> Self {
        Error::new(ErrorKind::Decode, format!("arguments of kind {kind:?} can't be decoded"))
            .with_source(source)
    }

    /// The same error for the next of several callers, its cause as text.
    pub(crate) fn again(&self) -> Self {
        let error = Error::new(self.0.kind, self.0.context.clone());
        match &self.0.source {
            Some(source) => error.with_source(source.to_string()),
            None => error,
        }
    }

    /// What kind of failure this is.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// Whether the same call may pass later.
    #[must_use]
    pub fn is_retryable(&self) -> bool {
        matches!(self.0.kind, ErrorKind::Unavailable | ErrorKind::NotOnDisk)
    }

    /// Whether no job has the id that was given.
    #[must_use]
    pub fn is_not_found(&self) -> bool {
        self.0.kind == ErrorKind::NotFound
    }

    /// Whether the job's state forbids what was asked.
    #[must_use]
    pub fn is_conflict(&self) -> bool {
        self.0.kind == ErrorKind::Conflict
    }

    /// Whether the caller gave a wrong value.
    #[must_use]
    pub fn is_invalid(&self) -> bool {
        matches!(self.0.kind, ErrorKind::Invalid | ErrorKind::TooLarge | ErrorKind::Encode)
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.context)
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Error")
            .field("kind", &self.0.kind)
            .field("context", &self.0.context)
            .field("source", &self.0.source)
            .finish()
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.0.source.as_deref().map(|source| source as _)
    }
}

impl From<sqlx::Error> for Error {
    fn from(source: sqlx::Error) -> Self {
        let (kind, context) = match &source {
            sqlx::Error::Database(error) => of_code(&error.code().unwrap_or_default()),
            sqlx::Error::PoolTimedOut => IN_USE,
            sqlx::Error::Io(_) | sqlx::Error::WorkerCrashed | sqlx::Error::Protocol(_) => AWAY,
            _ => REFUSED,
        };
        Error::new(kind, context).with_source(source)
    }
}

impl From<rusqlite::Error> for Error {
    fn from(source: rusqlite::Error) -> Self {
        let (kind, context) = match source.sqlite_error() {
            Some(error) => of_result(error.extended_code),
            None => REFUSED,
        };
        Error::new(kind, context).with_source(source)
    }
}

const AWAY: (ErrorKind, &str) =
    (ErrorKind::Unavailable, "the job database does not answer: try again later");
const IN_USE: (ErrorKind, &str) = (
    ErrorKind::Unavailable,
    "no connection to the job database is free: end a transaction that is open, or enqueue within it",
);
const REFUSED: (ErrorKind, &str) =
    (ErrorKind::Database, "the job database refused a statement: see the cause");

/// What a database's own code means, and what is to be done about it.
fn of_code(code: &str) -> (ErrorKind, &'static str) {
    // PostgreSQL has five characters where SQLite has a number of at most four.
    if code.len() == 5 {
        return of_state(code);
    }
    of_result(code.parse().unwrap_or(0))
}

/// By SQLite's result code, of which the low byte is the primary one.
fn of_result(code: i32) -> (ErrorKind, &'static str) {
    match code & 0xff {
        // BUSY, LOCKED, IOERR.
        5 | 6 | 10 => AWAY,
        13 => (ErrorKind::Unavailable, "the job database has no room: make some, then try again"),
        14 => (ErrorKind::Unavailable, "the job database's file can't be opened: check its path"),
        26 => (ErrorKind::Database, "the job database's file is no SQLite database: give another"),
        _ => REFUSED,
    }
}

/// By SQLSTATE (PostgreSQL, appendix A): lost connections, lost races, no resources, a server that
/// stops, starts or has become a read-only one.
fn of_state(code: &str) -> (ErrorKind, &'static str) {
    match (code.get(..2).unwrap_or_default(), code) {
        ("40", _) => {
            (ErrorKind::Unavailable, "another transaction was first: try the whole of it again")
        }
        ("08" | "53" | "57", _) | (_, "25006" | "55P03") => AWAY,
        (_, "22021") => (
            ErrorKind::Invalid,
            "a text has a NUL character, which PostgreSQL has not: leave it out",
        ),
        (_, "26000" | "42P05") => (
            ErrorKind::Invalid,
            "the job database is behind a proxy that mixes up prepared statements: connect to the \
             server itself, or let PgBouncer pool by session or keep them (max_prepared_statements)",
        ),
        (_, "3F000") => (
            ErrorKind::Database,
            "the job database has no schema of the search_path: make one, or set another",
        ),
        (_, "42501") => (
            ErrorKind::Database,
            "the job database does not allow this to its role: grant what the cause names",
        ),
        _ => REFUSED,
    }
}
