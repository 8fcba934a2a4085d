use std::str::FromStr;

use serde::Deserialize;
use sqlx::postgres::PgRow;
use sqlx::{FromRow, Row as _};

use super::super::claim::number;
use crate::record::time;
use crate::{AttemptError, BatchId, Error, JobId, JobRecord};

impl FromRow<'_, PgRow> for JobRecord {
    fn from_row(row: &PgRow) -> Result<Self, sqlx::Error> {
        let result: Option<String> = row.try_get("result")?;
        Ok(JobRecord {
            id: job_id(row, "id")?,
            kind: row.try_get("kind")?,
            queue: row.try_get("queue")?,
            state: parsed(row, "state")?,
            priority: row.try_get("priority")?,
            attempt: number(row, "attempt")?,
            max_attempts: number(row, "max_attempts")?,
            inserted_at: time(row.try_get("inserted_at")?),
            scheduled_at: time(row.try_get("scheduled_at")?),
            attempted_at: row.try_get::<Option<i64>, _>("attempted_at")?.map(time),
            attempted_by: row.try_get::<Option<String>, _>("attempted_by")?.unwrap_or_default(),
            finished_at: row.try_get::<Option<i64>, _>("finished_at")?.map(time),
            errors: errors(row)?,
            result: result.and_then(|text| serde_json::from_str(&text).ok()),
            trace_id: trace_id(row)?,
            unique_key: row.try_get("unique_key")?,
            partition: row.try_get("partition_key")?,
            batch: row.try_get::<Option<i64>, _>("batch_id")?.and_then(|id| BatchId::new(id).ok()),
            sealed_with: row.try_get("key_id")?,
            args: row.try_get("args")?,
        })
    }
}

#[derive(Deserialize)]
struct Stored {
    attempt: u32,
    at: i64,
    error: String,
}

fn errors(row: &PgRow) -> Result<Vec<AttemptError>, sqlx::Error> {
    let stored: Vec<Stored> =
        serde_json::from_value(row.try_get("errors")?).map_err(|error| broken("errors", error))?;
    let errors = stored.into_iter().map(|stored| AttemptError {
        attempt: stored.attempt,
        at: time(stored.at),
        message: stored.error,
    });
    Ok(errors.collect())
}

fn trace_id(row: &PgRow) -> Result<Option<mcsv_core::TraceId>, sqlx::Error> {
    let traceparent: Option<&str> = row.try_get("traceparent")?;
    let context = traceparent.and_then(|text| mcsv_core::TraceContext::parse(text, None).ok());
    Ok(context.map(|context| context.trace_id()))
}

pub(super) fn parsed<T: FromStr<Err = Error>>(row: &PgRow, column: &str) -> Result<T, sqlx::Error> {
    row.try_get::<&str, _>(column)?.parse().map_err(|error: Error| broken(column, error))
}

pub(super) fn job_id(row: &PgRow, column: &str) -> Result<JobId, sqlx::Error> {
    JobId::new(row.try_get(column)?).map_err(|error| broken(column, error))
}

pub(super) fn broken(column: &str, source: impl Into<crate::BoxError>) -> sqlx::Error {
    sqlx::Error::ColumnDecode { index: column.to_owned(), source: source.into() }
}
