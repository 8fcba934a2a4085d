use serde::Serialize;
use sqlx::{Row as _, SqliteConnection};

use super::now;
use super::script::{Answers, Argument, Script};
use crate::JobId;
use crate::store::{Inserted, Row};

/// Inserts a batch with its events; the answers are in the order of the rows.
pub(crate) async fn insert(
    conn: &mut SqliteConnection,
    rows: &[&Row],
) -> Result<Vec<Inserted>, sqlx::Error> {
    let mut script = Script::new();
    write(&mut script, rows)?;
    read(&mut script.run(conn).await?, rows)
}

/// The ids are taken first, so that a transaction has the write lock at once.
const INSERT: &str = concat!(
    "UPDATE mcsv_job_ids SET last = last + ?2;
     INSERT INTO mcsv_jobs (id, kind, queue, state, priority, max_attempts, scheduled_at,
        inserted_at, budget_from, unique_key, partition_key, batch_id, chain, key_id,
        traceparent, tracestate, args)
     SELECT id, value ->> 'kind', value ->> 'queue',
        iif(start > now, 'scheduled', 'available'), value ->> 'priority',
        value ->> 'max_attempts', start, now, now, value ->> 'unique_key',
        value ->> 'partition_key', value ->> 'batch_id', value ->> 'chain', value ->> 'key_id',
        value ->> 'traceparent', value ->> 'tracestate', unhex(value ->> 'args')
     FROM (SELECT value, now, last - ?2 + 1 + key AS id,
            coalesce(value ->> 'at', now + (value ->> 'delay')) AS start
        FROM json_each(?1), mcsv_job_ids, (SELECT ",
    now!(),
    " AS now))
     WHERE true
     ON CONFLICT DO NOTHING;
     INSERT INTO mcsv_job_events (job_id, at, transition, state, attempt)
     SELECT id, inserted_at, 'enqueued', state, attempt FROM mcsv_jobs
     WHERE id > (SELECT last FROM mcsv_job_ids) - ?2"
);
/// For rows of which none has a unique key: all are new.
const LAST: &str = "SELECT last FROM mcsv_job_ids";
/// The unfinished job is another one where its unique key kept a row out.
const IDS: &str = "SELECT last, json_group_array(coalesce(
        (SELECT id FROM mcsv_jobs WHERE id = last - ?2 + 1 + key),
        (SELECT id FROM mcsv_jobs
         WHERE kind = value ->> 'kind' AND unique_key = value ->> 'unique_key'
            AND state IN ('available', 'scheduled', 'executing', 'retryable'))) ORDER BY key)
     FROM json_each(?1), mcsv_job_ids";

/// Adds the statements of an insert to a script; [`read`] takes their answers.
pub(super) fn write(script: &mut Script, rows: &[&Row]) -> Result<(), sqlx::Error> {
    let ids = if are_all_new(rows) { LAST } else { IDS };
    let count = i64::try_from(rows.len()).unwrap_or(i64::MAX);
    let arguments = [Argument::Json(json(rows)?), Argument::Number(count)];
    script.add(&format!("{INSERT};{ids}"), arguments)
}

pub(super) fn read(answers: &mut Answers, rows: &[&Row]) -> Result<Vec<Inserted>, sqlx::Error> {
    answers.skip(3);
    let row = answers.row()?;
    let last: i64 = row.try_get(0)?;
    let first = last - i64::try_from(rows.len()).unwrap_or(i64::MAX) + 1;
    let ids = if are_all_new(rows) {
        (first..=last).map(Some).collect()
    } else {
        parse::<Vec<Option<i64>>>(row.try_get(1)?)?
    };
    let inserted = (first..).zip(ids).map(|(own, id)| {
        let id = id.ok_or(sqlx::Error::RowNotFound)?;
        let is_new = id == own;
        let id = JobId::new(id).map_err(|error| sqlx::Error::Decode(error.into()))?;
        Ok(Inserted { id, is_new, has_started: false })
    });
    inserted.collect()
}

fn are_all_new(rows: &[&Row]) -> bool {
    rows.iter().all(|row| row.unique_key.is_none())
}

pub(super) fn json<T: Serialize + ?Sized>(value: &T) -> Result<String, sqlx::Error> {
    serde_json::to_string(value).map_err(|error| sqlx::Error::Encode(error.into()))
}

pub(super) fn parse<'a, T: serde::Deserialize<'a>>(text: &'a str) -> Result<T, sqlx::Error> {
    serde_json::from_str(text).map_err(|cause| sqlx::Error::Decode(cause.into()))
}
