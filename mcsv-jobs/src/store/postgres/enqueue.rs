use sqlx::{Connection, PgConnection};

use super::PostgresStore;
use super::notify::TELL_EACH;
use crate::store::{Inserted, Row};
use crate::{Error, JobId};

/// How often a batch is tried when the twin of a unique job ends just then.
const TRIES: usize = 5;

impl PostgresStore {
    pub(in crate::store) async fn insert(&self, rows: Vec<Row>) -> Result<Vec<Inserted>, Error> {
        let rows: Vec<&Row> = rows.iter().collect();
        self.call_about(rows.len(), async |conn| insert_whole(conn, &rows).await).await
    }
}

async fn insert_whole(
    conn: &mut PgConnection,
    rows: &[&Row],
) -> Result<Vec<Inserted>, sqlx::Error> {
    if rows.iter().all(|row| row.unique_key.is_none()) {
        return insert(conn, rows).await;
    }
    // A twin that is looked for in a second statement must not find half a batch committed. Nor must it
    // be invisible, whatever the database's own default.
    let mut tx = conn.begin_with("BEGIN ISOLATION LEVEL READ COMMITTED").await?;
    let inserted = insert(&mut tx, rows).await?;
    tx.commit().await?;
    Ok(inserted)
}

/// Inserts jobs in a caller's transaction, whose commit tells the workers.
pub(crate) async fn insert_on_pg(
    conn: &mut PgConnection,
    rows: &[&Row],
) -> Result<Vec<Inserted>, sqlx::Error> {
    let inserted = insert(conn, rows).await?;
    sqlx::query(TELL_EACH).bind(column(rows, |row| row.queue.clone())).execute(conn).await?;
    Ok(inserted)
}

/// Inserts a batch with its events; the answers are in the order of the rows.
pub(super) async fn insert(
    conn: &mut PgConnection,
    rows: &[&Row],
) -> Result<Vec<Inserted>, sqlx::Error> {
    let mut answers: Vec<Option<Inserted>> = vec![None; rows.len()];
    for _ in 0..TRIES {
        let open: Vec<usize> = (0..rows.len()).filter(|&index| answers[index].is_none()).collect();
        let batch: Vec<&Row> = open.iter().map(|&index| rows[index]).collect();
        let inserted = insert_rows(conn, &batch).await?;
        let mut kept_out = Vec::new();
        for (&index, (id, is_new)) in open.iter().zip(inserted) {
            if is_new {
                answers[index] = Some(Inserted { id: job_id(id)?, is_new, has_started: false });
            } else {
                kept_out.push(index);
            }
        }
        let rows: Vec<&Row> = kept_out.iter().map(|&index| rows[index]).collect();
        for (place, id) in twins(conn, &rows).await? {
            let index = usize::try_from(place - 1).ok().and_then(|place| kept_out.get(place));
            if let Some(&index) = index {
                let id = job_id(id)?;
                answers[index] = Some(Inserted { id, is_new: false, has_started: false });
            }
        }
        if answers.iter().all(Option::is_some) {
            break;
        }
    }
    answers.into_iter().collect::<Option<_>>().ok_or(sqlx::Error::RowNotFound)
}

/// The ids in the order of the rows, and whether each is new. One statement: the jobs and their
/// events, or nothing.
async fn insert_rows(
    conn: &mut PgConnection,
    rows: &[&Row],
) -> Result<Vec<(i64, bool)>, sqlx::Error> {
    // Keys are inserted in their order, so that two batches with the same keys cannot deadlock.
    sqlx::query_as(
        "WITH batch AS MATERIALIZED (
            SELECT nextval(pg_get_serial_sequence('mcsv_jobs', 'id')) AS id, clock.now,
                coalesce(given.at, clock.now + given.delay) AS start, given.*
            FROM (SELECT mcsv_jobs_now() AS now) AS clock, unnest($1::TEXT[], $2::TEXT[],
                $3::INTEGER[], $4::INTEGER[], $5::BIGINT[], $6::BIGINT[], $7::TEXT[], $8::TEXT[],
                $9::TEXT[], $10::BYTEA[], $11::TEXT[], $12::BIGINT[], $13::TEXT[],
                $14::TEXT[]) WITH ORDINALITY AS given (kind, queue,
                priority, max_attempts, delay, at, unique_key, traceparent, tracestate, args,
                partition_key, batch_id, chain, key_id, place)
         ), inserted AS (
            INSERT INTO mcsv_jobs (id, kind, queue, state, priority, max_attempts, scheduled_at,
                inserted_at, budget_from, unique_key, traceparent, tracestate, args,
                partition_key, batch_id, chain, key_id)
            SELECT id, kind, queue,
                CASE WHEN start > now THEN 'scheduled' ELSE 'available' END, priority,
                max_attempts, start, now, now, unique_key, traceparent, tracestate, args,
                partition_key, batch_id, chain, key_id
            FROM batch ORDER BY kind, unique_key, place
            ON CONFLICT DO NOTHING
            RETURNING id, inserted_at, state, attempt
         ), logged AS (
            INSERT INTO mcsv_job_events (job_id, at, transition, state, attempt)
            SELECT id, inserted_at, 'enqueued', state, attempt FROM inserted ORDER BY id
         )
         SELECT batch.id, inserted.id IS NOT NULL FROM batch LEFT JOIN inserted USING (id)
         ORDER BY batch.place",
    )
    .bind(column(rows, |row| row.kind.clone()))
    .bind(column(rows, |row| row.queue.clone()))
    .bind(column(rows, |row| row.priority))
    .bind(column(rows, |row| i32::try_from(row.max_attempts).unwrap_or(i32::MAX)))
    .bind(column(rows, |row| row.delay))
    .bind(column(rows, |row| row.at))
    .bind(column(rows, |row| row.unique_key.clone()))
    .bind(column(rows, |row| row.traceparent.clone()))
    .bind(column(rows, |row| row.tracestate.clone()))
    .bind(column(rows, |row| row.args.clone()))
    .bind(column(rows, |row| row.partition_key.clone()))
    .bind(column(rows, |row| row.batch_id))
    .bind(column(rows, |row| row.chain.clone()))
    .bind(column(rows, |row| row.key_id.clone()))
    .fetch_all(conn)
    .await
}

pub(super) fn column<R, T>(rows: &[&R], field: impl Fn(&R) -> T) -> Vec<T> {
    rows.iter().map(|row| field(row)).collect()
}

/// The unfinished jobs whose unique keys kept `rows` out, by the places of those from 1; none of a job
/// that has ended since.
async fn twins(conn: &mut PgConnection, rows: &[&Row]) -> Result<Vec<(i64, i64)>, sqlx::Error> {
    if rows.is_empty() {
        return Ok(Vec::new());
    }
    sqlx::query_as(
        "SELECT place, id FROM unnest($1::TEXT[], $2::TEXT[]) WITH ORDINALITY
            AS given (kind, unique_key, place) JOIN mcsv_jobs USING (kind, unique_key)
         WHERE state IN ('available', 'scheduled', 'executing', 'retryable')",
    )
    .bind(column(rows, |row| row.kind.clone()))
    .bind(column(rows, |row| row.unique_key.clone()))
    .fetch_all(conn)
    .await
}

fn job_id(id: i64) -> Result<JobId, sqlx::Error> {
    JobId::new(id).map_err(|error| sqlx::Error::Decode(error.into()))
}
