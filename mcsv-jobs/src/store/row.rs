use mcsv_core::TraceContext;
use serde::{Serialize, Serializer};

use crate::{Error, JobId, NewJob};

/// A checked new job.
#[derive(Clone, Serialize)]
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
    pub(super) partition_key: Option<String>,
    pub(super) traceparent: String,
    pub(super) tracestate: Option<String>,
    /// In hex where a batch travels as one JSON text: arguments may be any bytes.
    #[serde(serialize_with = "hex")]
    pub(super) args: Vec<u8>,
}

/// What became of one row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Inserted {
    pub(crate) id: JobId,
    pub(crate) is_new: bool,
}

impl Row {
    pub(crate) fn new(job: &NewJob, trace: &TraceContext) -> Result<Self, Error> {
        let args = job.check()?.to_vec();
        let (delay, at) = job.start.to_millis();
        Ok(Row {
            id: 0,
            kind: job.kind.to_owned(),
            queue: job.queue.clone(),
            priority: job.priority,
            max_attempts: job.max_attempts,
            delay,
            at,
            unique_key: job.unique_key.clone(),
            partition_key: job.partition.clone(),
            traceparent: trace.traceparent(),
            tracestate: trace.tracestate().map(str::to_owned),
            args,
        })
    }
}

fn hex<S: Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digit = |nibble: u8| char::from(DIGITS[usize::from(nibble)]);
    let text: String = bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect();
    serializer.serialize_str(&text)
}
