use std::borrow::Cow;

use mcsv_core::TraceContext;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::keyring::Keyring;
use crate::{BatchId, Error, ErrorKind, JobId, NewJob, Unique};

/// A checked new job.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Row {
    /// Zero until the database has given one.
    pub(super) id: i64,
    pub(crate) kind: String,
    pub(crate) queue: String,
    pub(super) priority: i32,
    pub(super) max_attempts: u32,
    pub(super) delay: i64,
    pub(super) at: Option<i64>,
    pub(super) unique_key: Option<String>,
    /// The states in which the key stands, the length of its period, and what the job that has it takes
    /// over, as [`Unique`] has them. Chains of the version before have none of them.
    #[serde(default = "until_finished", skip_serializing_if = "is_until_finished")]
    pub(super) unique_states: u8,
    #[serde(default, skip_serializing_if = "is_none")]
    pub(super) unique_period: i64,
    #[serde(default, skip_serializing_if = "is_none")]
    pub(super) replace: i64,
    pub(super) partition_key: Option<String>,
    pub(crate) batch_id: Option<i64>,
    /// The rows that follow on this one, as [`Row::chained`] writes them.
    pub(super) chain: Option<String>,
    /// The key that the arguments are sealed with.
    pub(super) key_id: Option<String>,
    pub(super) traceparent: String,
    pub(super) tracestate: Option<String>,
    /// Whether its events are written from the start, and not with the first that is no completion. All of
    /// the version before are.
    #[serde(default = "yes", skip_serializing_if = "is_yes")]
    pub(super) is_logged: bool,
    /// In hex where a batch travels as one JSON text: arguments may be any bytes.
    #[serde(serialize_with = "hex", deserialize_with = "unhex")]
    pub(super) args: Vec<u8>,
}

/// What became of one row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Inserted {
    pub(crate) id: JobId,
    pub(crate) is_new: bool,
    /// Whether a job that was there has taken something over from the row.
    pub(crate) is_replaced: bool,
    /// Whether a worker of this process has started it in the same transaction.
    pub(crate) has_started: bool,
}

impl Inserted {
    /// The job `id`, which has not started.
    pub(super) fn new(id: i64, is_new: bool) -> Result<Self, sqlx::Error> {
        let id = JobId::new(id).map_err(|error| sqlx::Error::Decode(error.into()))?;
        Ok(Inserted { id, is_new, is_replaced: false, has_started: false })
    }
}

impl Row {
    pub(crate) fn new(
        job: &NewJob,
        trace: &TraceContext,
        keyring: &Keyring,
    ) -> Result<Self, Error> {
        let args = job.check()?;
        let (args, key_id) = if job.sealed {
            keyring.seal(job.kind, args).map(|(args, key_id)| (args, Some(key_id)))?
        } else {
            (args.to_vec(), None)
        };
        let (delay, at) = job.start.to_millis();
        let (unique_states, unique_period, replace) = job.unique.to_columns();
        let chain = job.chain.iter().map(|next| Row::new(next, trace, keyring));
        let chain = chain.collect::<Result<Vec<Row>, Error>>()?;
        Ok(Row {
            id: 0,
            kind: job.kind.to_owned(),
            queue: job.queue.clone(),
            priority: job.priority,
            max_attempts: job.max_attempts,
            delay,
            at,
            unique_key: job.unique_key.clone(),
            unique_states,
            unique_period,
            replace: i64::from(replace),
            partition_key: job.partition.clone(),
            batch_id: job.batch.map(BatchId::get),
            chain: Row::chained(&chain)?,
            key_id,
            traceparent: trace.traceparent(),
            tracestate: trace.tracestate().map(str::to_owned),
            is_logged: job.is_logged || job.batch.is_some(),
            args,
        })
    }
}

impl Row {
    /// The rows of a chain as text; none where there are none.
    fn chained(rows: &[Row]) -> Result<Option<String>, Error> {
        if rows.is_empty() {
            return Ok(None);
        }
        let text = serde_json::to_string(rows).map_err(|cause| {
            Error::new(ErrorKind::Encode, "a chain can't be written as JSON").with_source(cause)
        })?;
        Ok(Some(text))
    }

    pub(super) fn to_json(&self) -> Result<String, sqlx::Error> {
        serde_json::to_string(self).map_err(|cause| sqlx::Error::Encode(cause.into()))
    }

    pub(super) fn from_json(text: &str) -> Result<Self, sqlx::Error> {
        serde_json::from_str(text).map_err(|cause| sqlx::Error::Decode(cause.into()))
    }

    /// The first row of a chain, which takes the others along; none of an empty one.
    ///
    /// It is in the batch of the job before it if it has none of its own.
    pub(crate) fn first_of(chain: &str, batch_id: Option<i64>) -> Result<Option<Self>, Error> {
        let mut rows: Vec<Row> = serde_json::from_str(chain).map_err(|cause| {
            Error::new(ErrorKind::Decode, "a stored chain can't be read").with_source(cause)
        })?;
        if rows.is_empty() {
            return Ok(None);
        }
        let first = rows.remove(0);
        let batch_id = first.batch_id.or(batch_id);
        Ok(Some(Row {
            batch_id,
            is_logged: first.is_logged || batch_id.is_some(),
            chain: Row::chained(&rows)?,
            ..first
        }))
    }

    /// Whether a job that has its key is to take something over from it.
    pub(super) fn replaces(&self) -> bool {
        self.unique_key.is_some() && self.replace != 0
    }

    /// Whether it can start as soon as it is enqueued.
    pub(super) fn is_due(&self) -> bool {
        self.delay == 0 && self.at.is_none()
    }

    pub(crate) fn in_trace(mut self, trace: &TraceContext) -> Self {
        self.traceparent = trace.traceparent();
        self.tracestate = trace.tracestate().map(str::to_owned);
        self
    }
}

fn until_finished() -> u8 {
    Unique::until_finished().to_columns().0
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it with a reference")]
fn is_until_finished(states: &u8) -> bool {
    *states == until_finished()
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it with a reference")]
fn is_none(number: &i64) -> bool {
    *number == 0
}

fn yes() -> bool {
    true
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it with a reference")]
fn is_yes(flag: &bool) -> bool {
    *flag
}

fn hex<S: Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digit = |nibble: u8| char::from(DIGITS[usize::from(nibble)]);
    let text: String = bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect();
    serializer.serialize_str(&text)
}

fn unhex<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<u8>, D::Error> {
    let text = <Cow<'de, str>>::deserialize(deserializer)?;
    let digit = |digit: u8| char::from(digit).to_digit(16).and_then(|it| u8::try_from(it).ok());
    let byte = |pair: &[u8]| match pair {
        [high, low] => Some(digit(*high)? << 4 | digit(*low)?),
        _ => None,
    };
    let bytes: Option<Vec<u8>> = text.as_bytes().chunks(2).map(byte).collect();
    bytes.ok_or_else(|| D::Error::custom("arguments are not in hex"))
}
