use serde::Serialize;
use sqlx::SqliteConnection;

use super::now;
use crate::JobId;
use crate::store::{Inserted, Row};

/// Inserts a batch with its events; the answers are in the order of the rows.
pub(crate) async fn insert(
    conn: &mut SqliteConnection,
    rows: &[&Row],
) -> Result<Vec<Inserted>, sqlx::Error> {
    let count = i64::try_from(rows.len()).unwrap_or(i64::MAX);
    let last: i64 = sqlx::query_scalar("UPDATE mcsv_job_ids SET last = last + ?1 RETURNING last")
        .bind(count)
        .fetch_one(&mut *conn)
        .await?;
    let batch: Vec<Row> =
        (last - count + 1..).zip(rows).map(|(id, row)| Row { id, ..(*row).clone() }).collect();
    let inserted = insert_rows(conn, &batch).await?;
    if !inserted.is_empty() {
        log(conn, &inserted).await?;
    }
    let mut answers = Vec::with_capacity(batch.len());
    for row in &batch {
        let is_new = inserted.binary_search(&row.id).is_ok();
        let id = if is_new { row.id } else { twin(conn, row).await? };
        let id = JobId::new(id).map_err(|error| sqlx::Error::Decode(error.into()))?;
        answers.push(Inserted { id, is_new });
    }
    Ok(answers)
}

async fn insert_rows(conn: &mut SqliteConnection, batch: &[Row]) -> Result<Vec<i64>, sqlx::Error> {
    let mut ids: Vec<i64> = sqlx::query_scalar(concat!(
        "INSERT INTO mcsv_jobs (id, kind, queue, state, priority, max_attempts, scheduled_at,
            inserted_at, budget_from, unique_key, partition_key, batch_id, chain, key_id,
            traceparent, tracestate, args)
         SELECT value ->> 'id', value ->> 'kind', value ->> 'queue',
            iif(start > now, 'scheduled', 'available'), value ->> 'priority',
            value ->> 'max_attempts', start, now, now, value ->> 'unique_key',
            value ->> 'partition_key', value ->> 'batch_id', value ->> 'chain', value ->> 'key_id',
            value ->> 'traceparent', value ->> 'tracestate', unhex(value ->> 'args')
         FROM (SELECT value, now, coalesce(value ->> 'at', now + (value ->> 'delay')) AS start
               FROM json_each(?1), (SELECT ",
        now!(),
        " AS now))
         WHERE true
         ON CONFLICT DO NOTHING
         RETURNING id"
    ))
    .bind(json(batch)?)
    .fetch_all(conn)
    .await?;
    ids.sort_unstable();
    Ok(ids)
}

async fn log(conn: &mut SqliteConnection, ids: &[i64]) -> Result<(), sqlx::Error> {
    sqlx::query(
        "INSERT INTO mcsv_job_events (job_id, at, transition, state, attempt)
         SELECT mcsv_jobs.id, inserted_at, 'enqueued', state, attempt
         FROM json_each(?1) JOIN mcsv_jobs ON mcsv_jobs.id = value",
    )
    .bind(json(ids)?)
    .execute(conn)
    .await?;
    Ok(())
}

/// The unfinished job whose unique key kept `row` out.
async fn twin(conn: &mut SqliteConnection, row: &Row) -> Result<i64, sqlx::Error> {
    sqlx::query_scalar(
        "SELECT id FROM mcsv_jobs WHERE kind = ?1 AND unique_key = ?2
           AND state IN ('available', 'scheduled', 'executing', 'retryable')",
    )
    .bind(&row.kind)
    .bind(&row.unique_key)
    .fetch_one(conn)
    .await
}

pub(super) fn json<T: Serialize + ?Sized>(value: &T) -> Result<String, sqlx::Error> {
    serde_json::to_string(value).map_err(|error| sqlx::Error::Encode(error.into()))
}
